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

// maxMachineTokens bounds what one instance remembers; the oldest go first.
const maxMachineTokens = 10_000

// Machine is a program that talks to other programs.
type Machine struct {
	ID        string // mch_ and 27 characters; made up when empty
	Name      string
	SecretKey string // ak_…, the bearer token of its own M2M calls; made up when empty
	// Scopes are the ids of the machines that it may talk to: what the tokens it makes are granted to.
	Scopes []string
}

// MachineToken is a credential of a program: an M2M token, an API key, or an OAuth access token.
type MachineToken struct {
	Kind    string // KindM2M, KindAPIKey or KindOAuth
	Token   string // the secret; made up when empty, with the prefix of its kind
	ID      string // made up when empty
	Subject string // M2M: mch_…; API key: user_…, org_… or mch_…; OAuth: user_…
	// Name and Description are an API key's.
	Name, Description string
	ClientID          string         // OAuth
	Scopes            []string       // M2M: the machines that may verify it by their own secret key
	Claims            map[string]any // nil is null
	ExpiresAt         time.Time      // the zero time is never
	Revoked           bool           // not found by any verification
	RevocationReason  string
	CreatedBy         string    // API key: user_…, who made it; empty is null
	CreatedAt         time.Time // the zero time is now
}

func (t MachineToken) validate() error {
	prefixes := map[string][]string{
		KindM2M: {"mch_"}, KindAPIKey: {"user_", "org_", "mch_"}, KindOAuth: {"user_"},
	}[t.Kind]
	if prefixes == nil {
		return fmt.Errorf("machine token: kind %q: want %s, %s or %s", t.Kind, KindM2M, KindAPIKey, KindOAuth)
	}
	if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(t.Subject, p) }) {
		return fmt.Errorf("machine token: subject of %s: want an id that begins with %s", t.Kind, strings.Join(prefixes, ", "))
	}
	if t.CreatedBy != "" && !strings.HasPrefix(t.CreatedBy, "user_") {
		return fmt.Errorf("machine token: created by: want an id that begins with user_")
	}
	return nil
}

// tokenPrefix begins ids and secrets of a kind.
func tokenPrefix(kind string) string {
	return map[string]string{KindM2M: "mt_", KindAPIKey: "ak_", KindOAuth: "oat_"}[kind]
}

// hexID has the shape of machine tokens' ids: 32 hexadecimal digits.
func hexID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it stops the program instead
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

// Machines are the instance's machines with their secret keys, in the order of Options.Machines.
func (c *Clerk) Machines() []Machine {
	machines := slices.Clone(c.machines)
	for i := range machines {
		machines[i].Scopes = slices.Clone(machines[i].Scopes)
	}
	return machines
}

// AddMachineToken makes a token known and returns it with what was made up for it. It panics for a kind or a subject
// that does not exist.
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

// RevokeMachineToken makes a token of any kind useless, by its id. An unknown id changes nothing.
func (c *Clerk) RevokeMachineToken(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.state.machineTokens {
		if t.ID == id {
			t.Revoked = true
		}
	}
}

// MachineTokens are all that are known, the revoked and expired included, oldest first.
func (c *Clerk) MachineTokens() []MachineToken {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokens := make([]MachineToken, len(c.state.machineTokens))
	for i, t := range c.state.machineTokens {
		tokens[i] = *t
	}
	return tokens
}

// machineCaller is who calls a machine-token endpoint: nil with the instance's secret key, else the machine whose own
// key it is.
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

// machine checks who calls before an operation. These endpoints' errors have neither meta nor trace id.
func (c *Clerk) machine(m2m bool, endpoint machineEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := any(nil), error(nil)
		caller := (*Machine)(nil)
		if m2m { // a machine's own key opens its M2M calls and nothing else
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

// verifyMachineToken finds a live token of a kind by its secret, under one of the names that the parameter has.
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

// badRequest is how these endpoints say that a parameter is wrong.
func badRequest(err error) error {
	e := asAPIError(err)
	return refuse(http.StatusBadRequest, "bad_request", strings.TrimSpace(e.param+" "+e.message))
}

func (t *MachineToken) expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}
func (t *MachineToken) alive(now time.Time) bool { return !t.Revoked && !t.expired(now) }

// resource is a token without its secret.
func (t *MachineToken) resource(now time.Time) object {
	var expiration, claims any
	if !t.ExpiresAt.IsZero() {
		expiration = t.ExpiresAt.UnixMilli()
	}
	if t.Claims != nil {
		claims = t.Claims
	}
	resource := object{
		"id": t.ID, "subject": t.Subject, "scopes": append([]string{}, t.Scopes...),
		"revoked": t.Revoked, "revocation_reason": orNull(t.RevocationReason),
		"expired": t.expired(now), "expiration": expiration,
		"created_at": t.CreatedAt.UnixMilli(), "updated_at": t.CreatedAt.UnixMilli(),
	}
	switch t.Kind {
	case KindM2M:
		resource["object"], resource["claims"], resource["last_used_at"] = "machine_to_machine_token", claims, nil
	case KindAPIKey:
		resource["object"], resource["type"], resource["claims"] = "api_key", "api_key", claims
		resource["name"], resource["description"] = t.Name, orNull(t.Description)
		resource["created_by"], resource["last_used_at"] = orNull(t.CreatedBy), nil
	case KindOAuth:
		resource["object"] = "clerk_idp_oauth_access_token"
		resource["client_id"] = t.ClientID
	}
	return resource
}
