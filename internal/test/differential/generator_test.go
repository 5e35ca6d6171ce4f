package differential_test

import (
	"fmt"
	"strings"
)

// request is one case: the request that both judge, and the Backend API's responses.
type request struct {
	Instance string `json:"instance"`
	Now      int64  `json:"now"` // milliseconds
	Request  struct {
		Method  string      `json:"method"`
		Target  string      `json:"target"`
		Headers [][2]string `json:"headers"`
	} `json:"request"`
	Rules []rule `json:"rules"`

	id     string
	labels []string
}

// generator generates the requests of one seed.
type generator struct {
	dice
	keys      *keyring
	instances []*instance
	nowMillis int64
	now       int64 // seconds
	made      int

	in *instance
	r  *request
	// The parts of the next request.
	cookies   [][2]string
	query     []string
	sessionAt int64 // iat of the session cookies
}

func newGenerator(seed uint64, keys *keyring) *generator {
	d := newDice(seed)
	g := &generator{dice: d, keys: keys, nowMillis: 1_790_000_000_000 + int64(d.IntN(3))*333}
	g.now = g.nowMillis / 1000
	for i := range 48 {
		g.instances = append(g.instances, newInstance(d, keys, i))
	}
	return g
}

func (g *generator) label(dimension, value string) {
	g.r.labels = append(g.r.labels, dimension+"="+value)
}

func (g *generator) header(name, value string) {
	// The wire takes blanks off a value.
	g.r.Request.Headers = append(g.r.Request.Headers, [2]string{name, strings.Trim(value, " \t")})
}

func (g *generator) cookie(name, value string) {
	g.cookies = append(g.cookies, [2]string{name, value})
}

// next returns the next request: a valid one of some scenario, in which every dimension
// may be replaced by something odd.
func (g *generator) next() *request {
	g.in, g.cookies, g.query = pick(g.dice, g.instances...), nil, nil
	g.r = &request{Instance: g.in.id, Now: g.nowMillis, Rules: []rule{}, id: fmt.Sprintf("%d", g.made)}
	g.made++
	g.r.Request.Method = "GET"
	g.sessionAt = g.now - 30
	scenario := pick(g.dice, "cookie", "cookie", "cookie", "suffixed", "both", "both", "header", "header", "refresh", "refresh", "refresh", "handshake", "handshake", "signed-out", "machine", "machine", "machine-jwt")
	if g.in.acceptsOnlyMachines() && g.percent(75) {
		scenario = pick(g.dice, "machine", "machine-jwt")
	}
	g.label("scenario", scenario)
	// oddness is the probability, in percent, that a dimension is odd.
	oddness := pick(g.dice, 3, 10, 25)
	odd := func() bool { return g.percent(oddness) }

	g.host(odd())
	g.document(odd)
	g.authorization(scenario, odd())
	g.sessions(scenario, odd())
	g.clientUAT(scenario, odd())
	g.refresh(scenario, odd())
	g.handshakes(scenario, odd())
	g.devBrowser(odd())
	g.redirectCount(odd())
	g.crossOrigin(odd)
	g.target(odd)
	g.cookieHeader(odd())
	return g.r
}

func (g *generator) host(odd bool) {
	host := g.in.host
	if odd {
		host = pick(g.dice, "[::1]:3000", "LOCALHOST:3000", "app.example:80", "app.example:443", "other.example.", "xn--bcher-kva.example", "127.1", "a_b.example", g.in.host+":8443")
		g.label("host", host)
	}
	g.header("Host", host)
	if g.in.production && !g.percent(8) {
		g.header("X-Forwarded-Proto", "https")
	}
	if odd && g.percent(60) {
		list := pick(g.dice,
			[][2]string{{"X-Forwarded-Host", "public.example"}}, [][2]string{{"X-Forwarded-Host", "public.example, inner"}, {"X-Forwarded-Proto", "https,http"}}, [][2]string{{"X-Forwarded-Host", ""}}, [][2]string{{"X-Forwarded-Host", "bad host"}}, [][2]string{{"X-Forwarded-Host", "PUBLIC.example:443"}, {"X-Forwarded-Proto", "https"}}, [][2]string{{"X-Forwarded-Proto", "wss"}}, [][2]string{{"X-Forwarded-Proto", "https , http"}}, [][2]string{{"X-Forwarded-Proto", ""}}, [][2]string{{"X-Forwarded-Proto", "HTTPS"}}, [][2]string{{"X-Forwarded-Host", ",public.example"}}, [][2]string{{"X-Forwarded-Host", "one.example"}, {"X-Forwarded-Host", "two.example"}}, [][2]string{{"CloudFront-Forwarded-Proto", "https"}}, [][2]string{{"X-Forwarded-Host", "public.example:70000"}}, [][2]string{{"X-Forwarded-Proto", "javascript"}}, [][2]string{{"X-Forwarded-Host", g.in.host}}, [][2]string{{"X-Forwarded-Port", "9"}, {"X-Forwarded-Host", "[::1]"}}, [][2]string{{"X-Forwarded-Host", "a%41.example"}})
		g.label("forwarded", fmt.Sprint(list))
		for _, h := range list {
			g.header(h[0], h[1])
		}
	}
}

// document sets the headers that distinguish a browser from a program.
func (g *generator) document(odd func() bool) {
	if odd() {
		g.r.Request.Method = pick(g.dice, "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH")
		g.label("method", g.r.Request.Method)
	}
	g.header("User-Agent", "Mozilla/5.0 (differential)")
	accept := "text/html,application/xhtml+xml"
	if odd() {
		accept = pick(g.dice, "application/json", "*/*", "TEXT/HTML", "application/json, text/html", "text/htmlx", "", "text/html")
		g.label("accept", accept)
	}
	if accept != "" {
		g.header("Accept", accept)
	}
	dest := "document"
	if odd() {
		dest = pick(g.dice, "-", "-", "", "empty", "iframe", "frame", "Document", "image", "document, document")
		g.label("dest", dest)
	}
	if dest != "-" {
		g.header("Sec-Fetch-Dest", dest)
	}
}

func (g *generator) authorization(scenario string, odd bool) {
	var token string
	switch {
	case scenario == "header":
		m := weighted(g.dice, 55, usualTokens, oddTokens)
		token, _ = g.session(m.value)
		g.label("auth", m.name)
	case scenario == "machine" || !strings.HasPrefix(scenario, "machine") && odd && g.percent(40):
		token = g.opaqueToken()
	case scenario == "machine-jwt":
		m := pick(g.dice, machineTokens...)
		extra := weighted(g.dice, 55, []named[mutation]{{"ok", func(dice, *generator, *draft) {}}}, oddTokens)
		token, _ = g.session(both(m.value, extra.value))
		g.label("auth", m.name+":"+extra.name)
	case odd:
		value := pick(g.dice, "Basic dTpw", "Basic", "Bearer", "Bearer ", "bearer x", "", "Bearer a.b.c", "garbage", g.id("ak")[:3]+g.id("x"), g.id("mt")+" y", "Token é")
		g.label("auth", value)
		g.header("Authorization", strings.TrimSpace(value))
		return
	default:
		return
	}
	form := "Bearer %s"
	if odd {
		form = pick(g.dice, "%s", "Bearer  %s", "bearer %s", "Bearer %s extra", "BEARER %s", "Basic %s", "Bearer\t%s")
		g.label("authForm", form)
	}
	g.header("Authorization", strings.Replace(form, "%s", token, 1))
}

func (g *generator) opaqueToken() string {
	kind := pick(g.dice, "m2m_token", "oauth_token", "api_key")
	if len(g.in.accepts) == 1 && g.in.acceptsOnlyMachines() && g.percent(80) {
		kind = g.in.accepts[0]
	}
	prefix, field, path := "ak_", "secret", "^/api_keys/verify$"
	switch kind {
	case "m2m_token":
		prefix, field, path = "mt_", "token", "^/m2m_tokens/verify$"
	case "oauth_token":
		prefix, field, path = "oat_", "access_token", "^/oauth_applications/access_tokens/verify$"
	}
	token := prefix + g.id("t")
	a := g.machineAnswer(kind)
	if g.percent(4) {
		token = pick(g.dice, prefix+g.id("a.b")+".c", "a.b."+prefix, strings.ToUpper(prefix)+"x", token+"é", token+".y")
		a.name += ":" + token
	}
	g.label("auth", kind+":"+a.name)
	g.r.Rules = append(g.r.Rules, rule{Method: "POST", Path: path, BodyField: field, Equals: token, Answer: a.value})
	return token
}
