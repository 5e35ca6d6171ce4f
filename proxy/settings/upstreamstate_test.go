package settings

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUpstreamState(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(nil))
	require.NoError(t, err)
	assert.Zero(t, cfg.UpstreamWait)
	assert.False(t, cfg.ReadyUpstream)
	cfg, _, err = load(environment(map[string]string{EnvUpstreamWait: "90s", EnvReadyUpstream: "true"}))
	require.NoError(t, err)
	assert.Equal(t, 90*time.Second, cfg.UpstreamWait)
	assert.True(t, cfg.ReadyUpstream)
	_, _, err = load(environment(map[string]string{EnvUpstreamWait: "0"}))
	require.NoError(t, err, "off")
}

func TestUpstreamStateThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{ // what is found, by value
		EnvUpstreamWait:  {"-1s": `"-1s"`, "60": `"60"`, "long": `"long"`},
		EnvReadyUpstream: {"yes please": `"yes please"`},
	} {
		for value, found := range values {
			_, _, err := load(environment(map[string]string{name: value}))
			assert.Equal(t, found, problems(t, err)[name].Found)
			assert.NotEmpty(t, problems(t, err)[name].Want)
		}
	}
	_, _, err := load(environment(map[string]string{
		EnvUpstream: "none", EnvTrustedProxies: "127.0.0.1", EnvUpstreamWait: "1m", EnvReadyUpstream: "true",
	}))
	found := problems(t, err)
	assert.Len(t, found, 2)
	assert.Equal(t, "1m0s, while CLERKGATE_UPSTREAM=none means that there is no application", found[EnvUpstreamWait].Found)
	assert.Equal(t, "true, while CLERKGATE_UPSTREAM=none means that there is no application", found[EnvReadyUpstream].Found)
}
