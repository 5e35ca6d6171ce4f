package gateways

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// object is what these tests read of a Kubernetes object.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Template struct {
			Spec struct{ Containers []container }
		}
		Ports []struct {
			TargetPort string `yaml:"targetPort"`
		}
		GatewayClassName string                        `yaml:"gatewayClassName"`
		ParentRefs       []struct{ Name string }       `yaml:"parentRefs"`
		TargetRefs       []struct{ Kind, Name string } `yaml:"targetRefs"`
		Rules            []struct {
			BackendRefs []struct{ Name string } `yaml:"backendRefs"`
		}
		ExtAuth struct {
			FailOpen *bool `yaml:"failOpen"`
			GRPC     struct {
				BackendRefs []struct{ Name string } `yaml:"backendRefs"`
			}
		} `yaml:"extAuth"`
	}
}

type container struct {
	Name    string
	Ports   []struct{ Name string }
	Env     []struct{ Name, Value string }
	EnvFrom []struct {
		SecretRef struct{ Name string } `yaml:"secretRef"`
	} `yaml:"envFrom"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
}

type probe struct{ Exec struct{ Command []string } }

func readObjects(t *testing.T, name string) map[string]object {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "examples", "kubernetes", name))
	require.NoError(t, err)
	defer file.Close()
	objects := make(map[string]object)
	for decoder := yaml.NewDecoder(file); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		require.NotEmpty(t, o.APIVersion)
		require.NotEmpty(t, o.Metadata.Name, o.Kind)
		key := o.Kind + "/" + o.Metadata.Name
		require.NotContains(t, objects, key, "defined twice")
		objects[key] = o
	}
}

// TestKubernetesExamples follows each name from one object to the next.
func TestKubernetesExamples(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	for _, file := range []string{"sidecar.yaml", "gateway.yaml"} {
		t.Run(file, func(t *testing.T) {
			objects := readObjects(t, file)
			has := func(kind, name string) object {
				assert.Contains(t, objects, kind+"/"+name)
				return objects[kind+"/"+name]
			}
			ports := map[string]string{} // by name, the container that has it
			gates := 0
			for key, o := range objects {
				for _, c := range o.Spec.Template.Spec.Containers {
					for _, port := range c.Ports {
						assert.LessOrEqual(t, len(port.Name), 15, "Kubernetes takes no longer name")
						ports[strings.TrimPrefix(key, "Deployment/")+"/"+port.Name] = c.Name
					}
					var names []string
					for _, secret := range c.EnvFrom {
						for name := range has("Secret", secret.SecretRef.Name).StringData {
							names = append(names, name)
						}
					}
					for _, env := range c.Env {
						names = append(names, env.Name)
					}
					if c.Name != "clerkgate" {
						continue
					}
					gates++
					for _, name := range names {
						assert.True(t, strings.Contains(string(readme), "| `"+name+"` |"), "clerkgate does not know %s", name)
					}
					for _, name := range []string{"CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY", "CLERKGATE_UPSTREAM", "CLERKGATE_AUTHORIZED_PARTIES", "CLERKGATE_SHUTDOWN_DELAY"} {
						assert.Contains(t, names, name)
					}
					assert.Equal(t, []string{"/clerkgate", "health", "--ready"}, c.ReadinessProbe.Exec.Command)
					assert.Equal(t, []string{"/clerkgate", "health"}, c.LivenessProbe.Exec.Command)
				}
			}
			assert.Equal(t, 1, gates)
			for key, o := range objects {
				switch o.Kind {
				case "Service":
					for _, port := range o.Spec.Ports {
						assert.Contains(t, ports, o.Metadata.Name+"/"+port.TargetPort, key)
					}
				case "Gateway":
					has("GatewayClass", o.Spec.GatewayClassName)
				case "HTTPRoute":
					for _, parent := range o.Spec.ParentRefs {
						has("Gateway", parent.Name)
					}
					for _, rule := range o.Spec.Rules {
						for _, backend := range rule.BackendRefs {
							has("Service", backend.Name)
						}
					}
				case "SecurityPolicy":
					require.NotEmpty(t, o.Spec.TargetRefs)
					for _, target := range o.Spec.TargetRefs {
						has(target.Kind, target.Name)
					}
					require.NotEmpty(t, o.Spec.ExtAuth.GRPC.BackendRefs)
					for _, backend := range o.Spec.ExtAuth.GRPC.BackendRefs {
						has("Service", backend.Name)
					}
					require.NotNil(t, o.Spec.ExtAuth.FailOpen)
					assert.False(t, *o.Spec.ExtAuth.FailOpen)
				}
			}
			if file == "sidecar.yaml" {
				assert.Equal(t, "clerkgate", ports["app/http"], "the Service must not lead past clerkgate")
			}
		})
	}
}
