package clerktest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Kinds of [MachineToken].
const (
	KindM2M    = "m2m_token"
	KindAPIKey = "api_key"
	KindOAuth  = "oauth_token"
)

// maxMachineTokens bounds the tokens of one instance; the oldest are dropped first.
const maxMachineTokens = 10_000

// Machine is a program that calls other programs.
type Machine struct {
	ID        string // mch_ and 27 characters; generated if empty
	Name      string
	SecretKey string // ak_…, the bearer token of its own M2M calls; generated if empty
	// Scopes are the ids of the machines that it may call. Its tokens are granted to these.
	Scopes []string
}

// MachineToken is a credential of a program: an M2M token, an API key, or an OAuth access token.
type MachineToken struct {
	Kind    string // KindM2M, KindAPIKey or KindOAuth
	Token   string // the secret; generated if empty, with the prefix of its kind
	ID      string // generated if empty
	Subject string // M2M: mch_…; API key: user_…, org_… or mch_…; OAuth: user_…
	// Name and Description are for API keys.
	Name, Description string
	ClientID          string         // OAuth
	Scopes            []string       // M2M: the machines that may verify it with their own secret key
	Claims            map[string]any // nil means null
	ExpiresAt         time.Time      // the zero time means never
	Revoked           bool           // not found by any verification
	RevocationReason  string
	CreatedBy         string    // API key: the user who created it, user_…; "" means null
	CreatedAt         time.Time // the zero time means now
}

func (mt MachineToken) validate() error {
	prefixes := map[string][]string{
		KindM2M: {"mch_"}, KindAPIKey: {"user_", "org_", "mch_"}, KindOAuth: {"user_"},
	}[mt.Kind]
	if prefixes == nil {
		return fmt.Errorf("machine token: kind %q: want %s, %s or %s", mt.Kind, KindM2M, KindAPIKey, KindOAuth)
	}
	if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(mt.Subject, p) }) {
		return fmt.Errorf("machine token: subject of %s: want an id that begins with %s", mt.Kind, strings.Join(prefixes, ", "))
	}
	if mt.CreatedBy != "" && !strings.HasPrefix(mt.CreatedBy, "user_") {
		return fmt.Errorf("machine token: created by: want an id that begins with user_")
	}
	return nil
}

// tokenPrefix returns the prefix of ids and secrets of a kind.
func tokenPrefix(kind string) string {
	return map[string]string{KindM2M: "mt_", KindAPIKey: "ak_", KindOAuth: "oat_"}[kind]
}

// hexID returns an id in the format of machine tokens: prefix and 32 hexadecimal digits.
func hexID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it crashes the program instead
	return prefix + hex.EncodeToString(b[:])
}

func prepareMachines(machines []Machine) []Machine {
	prepared := make([]Machine, 0, len(machines))
	for _, m := range machines {
		m.ID = cmp.Or(m.ID, newID("mch"))
		m.SecretKey = cmp.Or(m.SecretKey, "ak_"+randomWord(40))
		m.Scopes = slices.Clone(m.Scopes)
		prepared = append(prepared, m)
	}
	return prepared
}

// Machines returns the instance's machines with their secret keys, in the order of Options.Machines.
func (c *Clerk) Machines() []Machine {
	machines := slices.Clone(c.machines)
	for i := range machines {
		machines[i].Scopes = slices.Clone(machines[i].Scopes)
	}
	return machines
}

// AddMachineToken adds a token and returns it with the generated values. It panics if its kind or subject is invalid.
func (c *Clerk) AddMachineToken(t MachineToken) MachineToken {
	if err := t.validate(); err != nil {
		panic("clerktest: " + err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return *c.addMachineToken(t)
}

func (c *Clerk) addMachineToken(t MachineToken) *MachineToken {
	prefix := tokenPrefix(t.Kind)
	t.Token = cmp.Or(t.Token, prefix+randomWord(40))
	t.ID = cmp.Or(t.ID, hexID(prefix))
	if t.CreatedAt.IsZero() {
		t.CreatedAt = c.Now()
	}
	t.Scopes, t.Claims = slices.Clone(t.Scopes), maps.Clone(t.Claims)
	if len(c.state.machineTokens) == maxMachineTokens {
		c.state.machineTokens = slices.Delete(c.state.machineTokens, 0, 1)
	}
	c.state.machineTokens = append(c.state.machineTokens, &t)
	return &t
}

// RevokeMachineToken revokes a token of any kind by its id. An unknown id is ignored.
func (c *Clerk) RevokeMachineToken(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.state.machineTokens {
		if t.ID == id {
			t.Revoked = true
		}
	}
}

// MachineTokens returns all tokens, including revoked and expired ones, oldest first.
func (c *Clerk) MachineTokens() []MachineToken {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokens := make([]MachineToken, len(c.state.machineTokens))
	for i, t := range c.state.machineTokens {
		tokens[i] = *t
	}
	return tokens
}

// machineCaller returns the machine that calls an endpoint for machine tokens with its own key, or nil if the call has
// the instance's secret key.
func (c *Clerk) machineCaller(r *http.Request) (*Machine, error) {
	if c.checkSecretKey(r) == nil {
		return nil, nil
	}
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if ok {
		for i := range c.machines {
			if equalSecret(key, c.machines[i].SecretKey) {
				return &c.machines[i], nil
			}
		}
	}
	return nil, refuse(http.StatusUnauthorized, "clerk_key_invalid", "the secret key is missing or invalid")
}

// machineEndpoint is one operation on machine tokens.
type machineEndpoint func(r *http.Request, caller *Machine) (any, error)

// machine authenticates the caller before an operation. The errors of these endpoints have neither meta nor trace id.
func (c *Clerk) machine(m2m bool, endpoint machineEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := any(nil), error(nil)
		caller := (*Machine)(nil)
		if m2m { // a machine's own key is for M2M calls only
			caller, err = c.machineCaller(r)
		} else {
			err = c.checkSecretKey(r)
		}
		if err == nil {
			err = c.rate.take(c.Now())
		}
		if err == nil {
			err = checkVersion(r)
		}
		if err == nil {
			answer, err = endpoint(r, caller)
		}
		if err != nil {
			writeBareError(w, err)
			return
		}
		writeAnswer(w, answer)
	}
}

// verifyMachineToken finds a valid token of a kind by its secret. names are the names that the parameter may have.
func (c *Clerk) verifyMachineToken(kind string, names ...string) machineEndpoint {
	return func(r *http.Request, caller *Machine) (any, error) {
		f, err := bodyFields(r, names...)
		if err != nil {
			return nil, badRequest(err)
		}
		secret := ""
		for _, name := range names {
			value, err := f.text(name)
			if err != nil {
				return nil, badRequest(err)
			}
			secret = cmp.Or(secret, value)
		}
		if secret == "" {
			return nil, refuse(http.StatusBadRequest, "bad_request", names[0]+" is required")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, t := range c.state.machineTokens {
			if t.Kind == kind && equalSecret(t.Token, secret) && t.alive(c.Now()) &&
				(caller == nil || slices.Contains(t.Scopes, caller.ID)) {
				return t.resource(c.Now()), nil
			}
		}
		return nil, notFound("token")
	}
}

// badRequest converts an error about a parameter to the form of these endpoints.
func badRequest(err error) error {
	e := asAPIError(err)
	return refuse(http.StatusBadRequest, "bad_request", strings.TrimSpace(e.param+" "+e.message))
}

func (mt *MachineToken) expired(now time.Time) bool {
	return !mt.ExpiresAt.IsZero() && !now.Before(mt.ExpiresAt)
}
func (mt *MachineToken) alive(now time.Time) bool { return !mt.Revoked && !mt.expired(now) }

// resource returns the token without its secret.
func (mt *MachineToken) resource(now time.Time) object {
	var expiration, claims any
	if !mt.ExpiresAt.IsZero() {
		expiration = mt.ExpiresAt.UnixMilli()
	}
	if mt.Claims != nil {
		claims = mt.Claims
	}
	resource := object{
		"id": mt.ID, "subject": mt.Subject, "scopes": append([]string{}, mt.Scopes...),
		"revoked": mt.Revoked, "revocation_reason": orNull(mt.RevocationReason),
		"expired": mt.expired(now), "expiration": expiration,
		"created_at": mt.CreatedAt.UnixMilli(), "updated_at": mt.CreatedAt.UnixMilli(),
	}
	switch mt.Kind {
	case KindM2M:
		resource["object"], resource["claims"], resource["last_used_at"] = "machine_to_machine_token", claims, nil
	case KindAPIKey:
		resource["object"], resource["type"], resource["claims"] = "api_key", "api_key", claims
		resource["name"], resource["description"] = mt.Name, orNull(mt.Description)
		resource["created_by"], resource["last_used_at"] = orNull(mt.CreatedBy), nil
	case KindOAuth:
		resource["object"] = "clerk_idp_oauth_access_token"
		resource["client_id"] = mt.ClientID
	}
	return resource
}
