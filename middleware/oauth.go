package middleware

import (
	"encoding/json"
	"slices"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// audienceMatches reports whether the token has a configured audience, or none is
// configured. Clerk requires that of OAuth tokens.
func audienceMatches(token, configured []string) bool {
	return len(configured) == 0 || !slices.Contains(token, "") &&
		slices.ContainsFunc(token, func(aud string) bool { return slices.Contains(configured, aud) })
}

// audienceOf returns the member aud of claims or a response: a string or a list.
func audienceOf(object []byte) (list []string) {
	javascript.WalkObject(object, func(name, raw []byte) {
		if string(name) != "aud" {
			return
		}
		aud := javascript.Value{Raw: raw}
		if one, ok := aud.Text(); ok {
			list = []string{one}
		} else {
			list, _ = aud.Strings()
		}
	})
	return list
}

// actorOf returns the member act of claims or a response as Clerk's SDK reads it: who acts
// for the subject (RFC 8693, section 4.1), by sub and iss, and the actor before that. It
// returns nil if act has another form.
func actorOf(object []byte) json.RawMessage {
	var act javascript.Value
	javascript.WalkObject(object, func(name, raw []byte) {
		if string(name) == "act" {
			act = javascript.Value{Raw: raw}
		}
	})
	who := readActor(act, 1)
	if who == nil {
		return nil
	}
	data, err := json.Marshal(who)
	if err != nil {
		return nil
	}
	return data
}

type actor struct {
	Issuer  *string `json:"iss,omitempty"`
	Subject string  `json:"sub"`
	Actor   *actor  `json:"act,omitempty"`
}

func readActor(v javascript.Value, nested int) *actor {
	var who actor
	var known bool
	var next javascript.Value
	javascript.WalkObject(v.Raw, func(name, raw []byte) {
		value := javascript.Value{Raw: raw}
		switch string(name) {
		case "sub":
			who.Subject, known = value.Text()
		case "iss":
			who.Issuer = nil
			if iss, ok := value.Text(); ok {
				who.Issuer = &iss
			}
		case "act":
			next = value
		}
	})
	if !known {
		return nil
	}
	if nested > 0 {
		who.Actor = readActor(next, nested-1)
	}
	return &who
}

// customClaims returns the claims that are not registered ones, as Clerk's SDK does for
// M2M tokens, or nil if there are none.
func customClaims(claims json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(claims, &members) != nil {
		return nil
	}
	for _, registered := range [...]string{"iss", "sub", "exp", "nbf", "iat", "jti"} {
		delete(members, registered)
	}
	if len(members) == 0 {
		return nil
	}
	data, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return data
}
