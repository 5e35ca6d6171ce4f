// Package vectors holds recorded decisions of Clerk's JavaScript SDK for servers, and
// replays the Backend API's responses during the recording. Its README describes the
// files and how they are recorded.
//
// [Load] returns all files. A test creates an authenticator or a proxy for an [Instance],
// with [Backend] in place of Clerk, and compares the outcome of [Case.Request] with
// [Case.Expect]. It needs neither network nor Node.
package vectors

import (
	"cmp"
	"embed"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Count is the number of recorded decisions. It is constant so that a missing file is
// noticed.
const Count = 400

//go:embed testdata/*.json
var files embed.FS

// File is the recording of one instance.
type File struct {
	Now      int64 // the frozen time in Unix seconds, for cases that do not have their own
	ID       string
	Instance Instance
	Cases    []*Case
}

// Instance is one configuration of Clerk's SDK.
type Instance struct {
	Env          map[string]string // the same configuration as variables of clerkgate
	Config       Config
	CookieSuffix string
	JWKS         Answer // of GET /v1/jwks
}

// Config holds the options of the SDK; absent ones were not set.
type Config struct {
	PublishableKey, SecretKey, MachineSecretKey, JWTKey string
	ProxyURL, Domain, SignInURL                         string
	IsSatellite, SatelliteAutoSync                      bool
	TrustForwarded                                      bool // the peer is a trusted proxy
	AuthorizedParties                                   []string
	Audience, AcceptsToken                              OneOrMore
	OrganizationSyncOptions                             struct{ OrganizationPatterns, PersonalAccountPatterns []string }
	ClockSkewInMs                                       *int64
}

// OneOrMore is a string or a list of strings.
type OneOrMore []string

// UnmarshalJSON decodes either form.
func (s *OneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = OneOrMore{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// Case is one request and the SDK's decision.
type Case struct {
	ID      string
	Now     int64 // Unix seconds
	Request struct {
		Method, Target, URL string
		Headers             [][2]string // in the order they were sent
	}
	BAPI   []Rule
	Expect Expect
}

// Expect is the SDK's decision. The README describes each member.
type Expect struct {
	Outcome, Status                            string
	Reason, TokenType, Location                *string
	MessagePresent, Pending                    bool
	UserID, SessionID, OrgID, OrgSlug, OrgRole *string
	ResponseAuthHeaders                        *struct{ Status, Reason string }
	SetCookie                                  []string
	CacheControl                               *string
	AccessControlAllowOrigin                   *string
	AccessControlAllowCredentials              *string
	BAPICalls                                  []Call
}

// Load returns all recordings, sorted by the instances' names.
func Load(tb testing.TB) []*File {
	tb.Helper()
	names, err := fs.Glob(files, "testdata/*.json")
	require.NoError(tb, err)
	require.NotEmpty(tb, names, "no recorded decisions")
	loaded, cases := make([]*File, 0, len(names)), 0
	for _, name := range names {
		data, err := files.ReadFile(name)
		require.NoError(tb, err)
		f := new(File)
		require.NoError(tb, json.Unmarshal(data, f), name)
		require.NotEmpty(tb, f.Cases, name)
		for _, c := range f.Cases {
			c.Now = cmp.Or(c.Now, f.Now)
		}
		loaded, cases = append(loaded, f), cases+len(f.Cases)
	}
	require.Equal(tb, Count, cases, "recorded decisions in %d files", len(names))
	slices.SortFunc(loaded, func(a, b *File) int { return cmp.Compare(a.ID, b.ID) })
	return loaded
}
