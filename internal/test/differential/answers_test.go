package differential_test

import (
	"fmt"
	"strings"
)

// freshKinds are the sessions that a refresh or a handshake returns.
func (g *generator) freshSession() named[string] {
	m := weighted(g.dice, 70, []named[mutation]{{"valid", nil}, {"orgV1", orgV1("org_one", "one")}, {"pending", setClaim("sts", "pending")}}, append(oddTokens, usualTokens...))
	token, _ := g.session(m.value)
	return named[string]{m.name, token}
}

// cookieLines are Set-Cookie lines around a session.
func (g *generator) cookieLines(session string) named[[]string] {
	s := g.in.suffix
	line := func(name, value string) string { return name + "=" + value + "; Path=/; Secure; SameSite=Lax" }
	suffixed, plain := line("__session_"+s, session), line("__session", session)
	uat := line("__client_uat_"+s, fmt.Sprint(g.now-30))
	usual := []named[[]string]{{"both", []string{suffixed, plain, uat, line("__refresh_"+s, "next")}}, {"plain", []string{plain, uat}}, {"suffixed", []string{suffixed, uat}}}
	odd := []named[[]string]{
		{"none", nil}, {"noSession", []string{uat}}, {"empty", []string{line("__session", "")}}, {"lastBad", []string{plain, line("__session_other", "x")}}, {"lastEmpty", []string{plain, "__session_other=; Path=/"}},
		{"noEquals", []string{"__session"}}, {"noEqualsLast", []string{plain, "__session_x; Path=/"}}, {"noEqualsFirst", []string{"__session_x; Path=/", plain}}, {"latin", []string{plain, "x=é"}}, {"unicode", []string{plain, "x=✓"}}, {"newline", []string{plain, "x=a\nb"}}, {"nul", []string{"x=a\u0000b", plain}}, {"spaces", []string{"  " + plain + "  "}}, {"spaceName", []string{"__session =" + session}}, {"emptyLine", []string{"", plain}}, {"padded", []string{"__session=" + session + "==; Path=/"}}, {"upper", []string{"__SESSION=" + session}}, {"signedOut", []string{"__session=; Max-Age=0", "__client_uat=0"}}, {"percent", []string{"__session=" + strings.ReplaceAll(session, ".", "%2E")}}, {"tab", []string{"\t" + plain}},
	}
	return weighted(g.dice, 75, usual, odd)
}

// refreshAnswer returns the Backend API's response to a refresh.
func (g *generator) refreshAnswer() named[answer] {
	d := g.dice
	if d.percent(65) {
		fresh := g.freshSession()
		lines := g.cookieLines(fresh.value)
		a := answer{Status: 200, ContentType: jsonType, Body: compact(map[string]any{"object": "cookies", "cookies": lines.value})}
		label := "cookies:" + fresh.name + ":" + lines.name
		switch d.IntN(30) {
		case 0:
			a.Body = compact(map[string]any{"cookies": lines.value})
			label += ":noObject"
		case 1:
			a.Status = 201
			label += ":201"
		case 2:
			a.ContentType = "application/json; charset=utf-8"
			label += ":charset"
		case 3:
			a.ContentType = ""
			label += ":noType"
		}
		return named[answer]{label, a}
	}
	return pick(d, append(g.failures(),
		named[answer]{"cookiesNull", answer{Status: 200, ContentType: jsonType, Body: `{"object":"cookies","cookies":null}`}},
		named[answer]{"cookiesText", answer{Status: 200, ContentType: jsonType, Body: `{"object":"cookies","cookies":"__session=x"}`}},
		named[answer]{"cookiesNumbers", answer{Status: 200, ContentType: jsonType, Body: `{"object":"cookies","cookies":[5]}`}},
		named[answer]{"cookiesMissing", answer{Status: 200, ContentType: jsonType, Body: `{"object":"cookies"}`}},
		named[answer]{"cookiesUnderCookies", answer{Status: 200, ContentType: jsonType, Body: `{"object":"token","jwt":"x"}`}},
	)...)
}

// failures are responses that are failures at every endpoint.
func (g *generator) failures() []named[answer] {
	body := func(status int, body string) answer {
		return answer{Status: status, ContentType: jsonType, Body: body}
	}
	return []named[answer]{
		{"hangup", answer{Hangup: true}}, {"204", answer{Status: 204}}, {"html502", answer{Status: 502, ContentType: "text/html", Body: "<html>"}}, {"html200", answer{Status: 200, ContentType: "text/html", Body: "<html>"}},
		{"e401", apiError(401, "authentication_invalid")}, {"e401key", apiError(401, "clerk_key_invalid")}, {"e403", apiError(403, "origin_invalid")}, {"e404", apiError(404, "resource_not_found")}, {"e422", apiError(422, "form_param_format_invalid")}, {"e429", apiError(429, "too_many_requests")}, {"e500", apiError(500, "internal_clerk_error")}, {"e500unexpected", apiError(500, "unexpected_error")}, {"e503", apiError(503, "maintenance_mode")},
		{"eOddCode", apiError(400, "a b/ü✓")}, {"eEmptyCode", apiError(400, "")},
		{"eNoCode", body(400, `{"errors":[{"message":"m"}]}`)}, {"eEmptyList", body(401, `{"errors":[]}`)}, {"eNull", body(400, `{"errors":null}`)}, {"eText", body(400, `{"errors":"x"}`)}, {"eNothing", body(400, `{}`)}, {"eListOfNull", body(404, `{"errors":[null]}`)}, {"eTwo", body(422, `{"errors":[{"code":"first"},{"code":"second"}]}`)},
		{"eCharset", answer{Status: 401, ContentType: "application/json; charset=utf-8", Body: `{"errors":[{"code":"x"}]}`}}, {"badJSON200", body(200, `{"a":`)}, {"badJSON500", body(500, `{"a":`)}, {"empty200", body(200, "")}, {"empty500", body(500, "")}, {"null200", body(200, "null")}, {"list200", body(200, "[]")}, {"number200", body(200, "5")}, {"text200", body(200, `"x"`)}, {"null400", body(400, "null")}, {"object200", body(200, "{}")},
	}
}

// handshake returns a nonce with its response, or a token.
func (g *generator) handshakeDirectives() (named[[]string], string) {
	fresh := g.freshSession()
	lines := g.cookieLines(fresh.value)
	return lines, fresh.name + ":" + lines.name
}

func (g *generator) nonceAnswer() named[answer] {
	d := g.dice
	if d.percent(75) {
		lines, label := g.handshakeDirectives()
		doc := map[string]any{"object": "handshake_payload", "directives": lines.value}
		a := answer{Status: 200, ContentType: jsonType}
		switch d.IntN(20) {
		case 0:
			delete(doc, "object")
			label += ":noObject"
		case 1:
			a.ContentType = "application/json; charset=utf-8"
			label += ":charset"
		case 2:
			doc["directives"] = nil
			label += ":null"
		case 3:
			delete(doc, "directives")
			label += ":missing"
		}
		a.Body = compact(doc)
		return named[answer]{label, a}
	}
	return pick(d, g.failures()...)
}

func (g *generator) handshakeToken() named[string] {
	d := g.dice
	lines, label := g.handshakeDirectives()
	m := weighted(d, 65, []named[mutation]{{"ok", nil}}, oddTokens)
	token, _ := g.session(func(d dice, g *generator, t *draft) {
		t.payload = map[string]any{"handshake": lines.value, "exp": g.now + 60}
		switch d.IntN(25) {
		case 0:
			t.payload["handshake"] = "not a list"
		case 1:
			delete(t.payload, "handshake")
		case 2:
			t.payload["handshake"] = []any{}
		case 3:
			t.payload["exp"] = 5
		case 4:
			t.payload["handshake"] = map[string]any{"0": "x"}
		}
		if m.value != nil {
			m.value(d, g, t)
		}
	})
	return named[string]{m.name + "/" + label, token}
}

// machineAnswer returns the Backend API's response about an opaque token.
func (g *generator) machineAnswer(kind string) named[answer] {
	d := g.dice
	if d.percent(35) {
		return pick(d, g.failures()...)
	}
	doc := map[string]any{
		"id": d.id("id"), "type": kind, "scopes": []string{"a", "b"}, "revoked": false, "revocation_reason": nil,
		"expired": false, "expiration": g.now + 9000, "created_at": g.now - 9000, "updated_at": g.now - 9000,
	}
	switch kind {
	case "m2m_token":
		doc["object"], doc["subject"], doc["claims"] = "machine_to_machine_token", "mch_"+d.id("x"), nil
	case "oauth_token":
		doc["object"], doc["subject"], doc["client_id"] = "clerk_idp_oauth_access_token", d.id("user"), "client_1"
	default:
		doc["object"], doc["subject"], doc["name"], doc["claims"] = "api_key", d.id(pick(d, "user", "org", "mch")), "key", map[string]any{"a": 1}
	}
	label := "ok"
	set := func(name string, value any) { doc[name], label = value, "ok:"+name+"="+compact(value) }
	switch d.IntN(14) {
	case 0:
		set("revoked", true)
	case 1:
		set("expired", true)
	case 2, 3, 4:
		set("aud", pick[any](d, "https://api.one.example", "nobody", []string{"x", "https://api.two.example"}, []string{}, nil, 5, []any{5, "https://api.one.example"}, "", []string{"", "https://api.one.example"}))
	case 5:
		set("scopes", pick[any](d, nil, []string{}))
	case 6:
		delete(doc, "object")
		label = "noObject"
	case 7:
		set("claims", pick[any](d, nil, map[string]any{}, "text", []any{1}))
	}
	a := answer{Status: 200, ContentType: jsonType, Body: compact(doc)}
	if d.percent(4) {
		a.ContentType, label = "application/json; charset=utf-8", label+":charset"
	}
	return named[answer]{label, a}
}
