package gateways

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// envoyConfig is what the stand-in for Envoy takes from a recipe.
type envoyConfig struct {
	manager *hcmv3.HttpConnectionManager
	early   *earlyv3.HeaderMutation
	authz   *extauthzv3.ExtAuthz
}

// readEnvoy reads a recipe as Envoy does: YAML into the messages of its API, where
// an unknown field or type is an error, and then each message's own rules.
func readEnvoy(t testing.TB, path string) (*bootstrapv3.Bootstrap, envoyConfig) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var tree any
	require.NoError(t, yaml.Unmarshal(text, &tree))
	text, err = json.Marshal(tree)
	require.NoError(t, err)
	bootstrap := &bootstrapv3.Bootstrap{}
	require.NoError(t, protojson.Unmarshal(text, bootstrap))
	var c envoyConfig
	walk(t, bootstrap, func(m proto.Message) {
		if v, ok := m.(interface{ ValidateAll() error }); ok {
			assert.NoError(t, v.ValidateAll(), "%s", m.ProtoReflect().Descriptor().FullName())
		}
		switch m := m.(type) {
		case *hcmv3.HttpConnectionManager:
			c.manager = m
		case *earlyv3.HeaderMutation:
			c.early = m
		case *extauthzv3.ExtAuthz:
			c.authz = m
		}
	})
	return bootstrap, c
}

// walk visits a message and all inside it, typed configurations too.
func walk(t testing.TB, m proto.Message, visit func(proto.Message)) {
	t.Helper()
	visit(m)
	if typed, ok := m.(*anypb.Any); ok {
		inner, err := typed.UnmarshalNew()
		require.NoError(t, err)
		walk(t, inner, visit)
		return
	}
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			value.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
				walk(t, entry.Message().Interface(), visit)
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				walk(t, value.List().Get(i).Message().Interface(), visit)
			}
		case !field.IsMap() && !field.IsList() && field.Message() != nil:
			walk(t, value.Message().Interface(), visit)
		}
		return true
	})
}

func envoyRecipe(name string) string {
	return filepath.Join("..", "..", "..", "examples", "forwardauth", "envoy", name)
}

func TestEnvoyRecipesAreValid(t *testing.T) {
	for _, name := range []string{"http.yaml", "grpc.yaml"} {
		t.Run(name, func(t *testing.T) {
			bootstrap, c := readEnvoy(t, envoyRecipe(name))
			require.NotNil(t, c.manager)
			require.NotNil(t, c.early)
			require.NotNil(t, c.authz)
			assert.False(t, c.authz.GetFailureModeAllow(), "no answer is a no")
			assert.GreaterOrEqual(t, int(c.authz.GetStatusOnError().GetCode()), 500)
			assert.True(t, c.manager.GetUseRemoteAddress().GetValue(), "X-Forwarded-* are not the client's")

			clusters := map[string]bool{}
			for _, cluster := range bootstrap.GetStaticResources().GetClusters() {
				clusters[cluster.GetName()] = true
			}
			asked := c.authz.GetGrpcService().GetEnvoyGrpc().GetClusterName() + c.authz.GetHttpService().GetServerUri().GetCluster()
			assert.True(t, clusters[asked], asked)
			filters := c.manager.GetHttpFilters()
			require.Len(t, filters, 2)
			assert.Equal(t, "envoy.filters.http.ext_authz", filters[0].GetName(), "nothing routes before it")
			for _, host := range c.manager.GetRouteConfig().GetVirtualHosts() {
				assert.Empty(t, host.GetTypedPerFilterConfig(), "nothing switches it off")
				for _, route := range host.GetRoutes() {
					assert.Empty(t, route.GetTypedPerFilterConfig())
					assert.True(t, clusters[route.GetRoute().GetCluster()])
				}
			}
		})
	}
}

// The checks above find mistakes.
func TestEnvoyRecipeReaderIsStrict(t *testing.T) {
	var c extauthzv3.ExtAuthz
	require.Error(t, protojson.Unmarshal([]byte(`{"failure_mode_alow": false}`), &c))
	require.Error(t, protojson.Unmarshal([]byte(`{"@type": "type.googleapis.com/envoy.Unknown"}`), &anypb.Any{}))
	require.NoError(t, protojson.Unmarshal([]byte(`{"transport_api_version": 7}`), &c))
	require.Error(t, c.ValidateAll())
}
