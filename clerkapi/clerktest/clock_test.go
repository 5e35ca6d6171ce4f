package clerktest_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestRealTimeTokens(t *testing.T) {
	t.Parallel()
	key := kit.RSAKey(t, 0)
	applications := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		realTime bool
		advance  time.Duration
		issued   time.Time
	}{
		"a clock that the application shares": {false, 24 * time.Hour, applications.Add(24 * time.Hour)},
		"moved forward":                       {true, 24 * time.Hour, applications},
		"moved back":                          {true, -time.Hour, applications.Add(-time.Hour)},
		"not moved":                           {true, 0, applications},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.New(clerktest.Options{
				SigningKey: key, Now: func() time.Time { return applications }, RealTimeTokens: test.realTime,
			})
			clerk.Advance(test.advance)
			session := clerk.SignIn("jane@example.com")
			cookies := make(map[string]string)
			for _, cookie := range clerk.Cookies(session.ID, "http://localhost:3000") {
				cookies[cookie.Name] = cookie.Value
			}
			var claims jwt.RegisteredClaims
			_, _, err := jwt.NewParser().ParseUnverified(cookies["__session"], &claims)
			require.NoError(t, err)
			assert.True(t, test.issued.Equal(claims.IssuedAt.Time), claims.IssuedAt)
			assert.True(t, test.issued.Add(time.Minute).Equal(claims.ExpiresAt.Time), claims.ExpiresAt)
			assert.Equal(t, strconv.FormatInt(test.issued.Unix(), 10), cookies["__client_uat"])
			assert.True(t, clerk.Now().Equal(applications.Add(test.advance)), "Clerk's own clock moved all the same")
		})
	}
}
