package differential_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// difference is one field on which the two disagree.
type difference struct {
	field           string
	reference, ours any
}

func (d difference) String() string {
	return fmt.Sprintf("%s\n      reference %v\n      ours      %v", d.field, d.reference, d.ours)
}

// compare lists the fields in which two decisions differ. repeated means that the request
// was made before, so that the results of its calls are cached.
func compare(reference, ours *outcome, repeated bool) []difference {
	var found []difference
	check := func(field string, r, o any) {
		if !reflect.DeepEqual(r, o) {
			found = append(found, difference{field, r, o})
		}
	}
	check("status", reference.Status, ours.Status)
	check("reason", reference.Reason, ours.Reason)
	check("message present", reference.HasMessage, ours.HasMessage)
	check("token type", reference.TokenType, ours.TokenType)
	check("token", reference.Token, ours.Token)
	r, o := identity(reference.Auth), identity(ours.Auth)
	for _, name := range identityFields {
		check("identity: "+name, r[name], o[name])
	}
	for _, name := range []string{"location", "cache-control", "set-cookie", "access-control-allow-origin", "access-control-allow-credentials", "x-clerk-auth-status", "x-clerk-auth-reason"} {
		check("header "+name, values(reference.Headers, name), values(ours.Headers, name))
	}
	if repeated && len(ours.Calls) == 0 {
		return found
	}
	check("number of calls", len(reference.Calls), len(ours.Calls))
	for i := range min(len(reference.Calls), len(ours.Calls)) {
		check(fmt.Sprintf("call %d", i+1), spelled(reference.Calls[i]), spelled(ours.Calls[i]))
	}
	return found
}

var identityFields = []string{
	"userId", "sessionId", "sessionStatus", "orgId", "orgSlug", "orgRole", "orgPermissions", "factorVerificationAge", "actor",
	"sessionClaims", "id", "subject", "name", "scopes", "machineId", "clientId",
}

// identity returns the identity without empty fields.
func identity(auth map[string]any) map[string]any {
	out := maps.Clone(auth)
	for name, v := range out {
		// A scope may be a single string, and an empty one does not count.
		if text, isText := v.(string); isText && name == "scopes" {
			v = []any{text}
		}
		if list, isList := v.([]any); isList {
			v = slices.DeleteFunc(slices.Clone(list), func(e any) bool { return e == "" })
			out[name] = v
		}
	}
	maps.DeleteFunc(out, func(_ string, v any) bool {
		list, isList := v.([]any)
		return v == nil || v == "" || isList && len(list) == 0
	})
	return out
}

// isOdd reports whether an identity's field has a type that it never has in Clerk's tokens.
func isOdd(name string, v any) bool {
	switch name {
	case "sessionClaims", "actor":
		return false
	case "orgPermissions", "scopes", "factorVerificationAge":
		list, isList := v.([]any)
		return !isList || slices.ContainsFunc(list, func(e any) bool {
			_, isText := e.(string)
			_, isNumber := e.(float64)
			return name == "factorVerificationAge" && !isNumber || name != "factorVerificationAge" && !isText
		})
	}
	_, isText := v.(string)
	return !isText
}

func values(headers [][2]string, name string) []string {
	var out []string
	for _, h := range headers {
		if h[0] == name {
			out = append(out, strings.Trim(h[1], " \t")) // as net/http writes it
		}
	}
	return out
}

// spelled returns a call on one line.
func spelled(c call) string {
	var body any
	_ = json.Unmarshal(c.Body, &body)
	if fields, ok := body.(map[string]any); ok && len(fields) == 0 {
		body = nil
	}
	return fmt.Sprintf("%s %s?%v auth=%q version=%q %s", c.Method, c.Path, c.Query, c.Authorization, c.APIVersion, compact(body))
}

// plainSessionPath matches the path of a refresh with a well-formed session id.
var plainSessionPath = regexp.MustCompile(`^/v1/sessions/[A-Za-z0-9_-]+/refresh$`)

// fieldExemption is an intended difference in one field, whatever the rest of the request.
type fieldExemption struct {
	name  string
	holds func(d difference, reference, ours *outcome) bool
}

var fieldExemptions = []fieldExemption{
	{"Cache-Control: no-store beside every Set-Cookie", func(d difference, reference, ours *outcome) bool {
		return d.field == "header cache-control" && len(values(reference.Headers, "cache-control")) == 0 &&
			len(values(ours.Headers, "set-cookie")) > 0 && slices.Equal(values(ours.Headers, "cache-control"), []string{"no-store"})
	}},
	{"a claim of another type than Clerk gives it counts as absent", func(d difference, _, _ *outcome) bool {
		name, isIdentity := strings.CutPrefix(d.field, "identity: ")
		return isIdentity && d.ours == nil && d.reference != nil && isOdd(name, d.reference)
	}},
}

// exemption is an intended difference; the table in middleware/DECISIONS.md says why.
type exemption struct {
	name string
	// holds reports whether all of these differences are intended.
	holds func(q *request, reference, ours *outcome, found []difference) bool
}

var exemptions = []exemption{
	{"the reference throws: anything but signed in is right", func(_ *request, reference, ours *outcome, _ []difference) bool {
		return reference.Throws != "" && ours.Status != "signed-in"
	}},
	{"a machine token that is revoked or expired is refused", func(q *request, reference, ours *outcome, _ []difference) bool {
		return reference.Status == "signed-in" && reference.TokenType != "session_token" && ours.Status == "signed-out" &&
			slices.ContainsFunc(q.Rules, func(r rule) bool {
				return r.Answer.Status == http.StatusOK && (strings.Contains(r.Answer.Body, `"revoked":true`) || strings.Contains(r.Answer.Body, `"expired":true`))
			})
	}},
	{"a refreshed token of a foreign category is refused", func(_ *request, reference, ours *outcome, _ []difference) bool {
		return reference.Status == "signed-in" && strings.HasSuffix(ours.Reason, "-refresh-invalid-session-token") && foreignCategory(reference.Token)
	}},
	{"an answer that does not say whose the token is, is refused", func(_ *request, reference, ours *outcome, _ []difference) bool {
		nameless := reference.Status == "signed-in" && reference.Auth["subject"] == nil
		// For such a response the SDK still checks the audience.
		audience := reference.Status == "signed-out" && reference.Reason == "token-verification-failed"
		return (nameless || audience) && reference.TokenType != "session_token" && ours.Reason == "unexpected-error"
	}},
	{"an answer that does not name its object is read like one that does", func(_ *request, reference, ours *outcome, found []difference) bool {
		return len(found) == 1 && found[0].field == "identity: clientId" && found[0].reference == nil && reference.TokenType == "oauth_token"
	}},
	{"a malformed opaque token is not sent to Clerk", func(q *request, reference, ours *outcome, found []difference) bool {
		return len(found) == 1 && found[0].field == "number of calls" && len(ours.Calls) == 0 && ours.Reason == "token-invalid" &&
			slices.ContainsFunc(q.Request.Headers, func(h [2]string) bool { return h[0] == "Authorization" && !isPrintable(h[1]) })
	}},
	{"a path that begins with // does not become the host", func(q *request, _, _ *outcome, _ []difference) bool {
		return doubleSlash(q.Request.Target)
	}},
	{"a malformed session id is not sent to Clerk", func(_ *request, reference, ours *outcome, _ []difference) bool {
		return strings.HasSuffix(ours.Reason, "-refresh-unexpected-bapi-error") && len(ours.Calls) == 0 && len(reference.Calls) == 1 &&
			reference.Calls[0].Method == http.MethodPost && !plainSessionPath.MatchString(reference.Calls[0].Path)
	}},
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// doubleSlash reports whether a target's path begins with two slashes after dot segments
// are removed as browsers do.
func doubleSlash(target string) bool {
	path, _, _ := strings.Cut(strings.ReplaceAll(target, `\`, "/"), "?")
	path, _, _ = strings.Cut(path, "#")
	var kept []string
	for _, segment := range strings.Split(path, "/")[1:] {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	return len(kept) > 1 && kept[0] == ""
}
