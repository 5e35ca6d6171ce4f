package differential_test

import (
	"fmt"
	"net/url"
	"strings"
)

// request is one case: what both judge, and what the Backend API says meanwhile.
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

// generator makes the requests of one seed.
type generator struct {
	dice
	keys      *keyring
	instances []*instance
	nowMillis int64
	now       int64 // seconds
	made      int

	in *instance
	r  *request
	// What the request will carry.
	cookies              [][2]string
	query                []string
	sessionAt            int64 // iat of the session cookies
	hasSession, explicit bool
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

// next makes one request: a good one of some scenario, in which every dimension
// may turn odd.
func (g *generator) next() *request {
	g.in, g.cookies, g.query = pick(g.dice, g.instances...), nil, nil
	g.r = &request{Instance: g.in.id, Now: g.nowMillis, Rules: []rule{}, id: fmt.Sprintf("%d", g.made)}
	g.made++
	g.r.Request.Method = "GET"
	g.sessionAt, g.hasSession = g.now-30, false
	scenario := pick(g.dice, "cookie", "cookie", "cookie", "suffixed", "both", "both", "header", "header", "refresh", "refresh", "refresh", "handshake", "handshake", "signed-out", "machine", "machine", "machine-jwt")
	if g.in.acceptsOnlyMachines() && g.percent(75) {
		scenario = pick(g.dice, "machine", "machine-jwt")
	}
	g.label("scenario", scenario)
	// oddness is how likely each dimension is to leave the scenario's path.
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

// document is what tells a person's browser from a program.
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

func (g *generator) sessions(scenario string, odd bool) {
	plain, suffixed := false, false
	switch scenario {
	case "cookie":
		plain = true
	case "suffixed":
		suffixed = true
	case "both", "refresh":
		plain, suffixed = true, true
	case "handshake", "machine", "machine-jwt", "signed-out":
		plain, suffixed = g.percent(20), g.percent(10)
	}
	if odd {
		plain, suffixed = g.percent(70), g.percent(50)
	}
	oddTokenPercent := 25
	if scenario == "refresh" {
		oddTokenPercent = 15
	}
	var shared string
	for _, c := range []struct {
		on   bool
		name string
	}{{plain, "__session"}, {suffixed, "__session_" + g.in.suffix}} {
		if !c.on {
			continue
		}
		usual := usualTokens
		if scenario == "refresh" {
			usual = []named[mutation]{{"expired", expired}}
		}
		m := weighted(g.dice, 100-oddTokenPercent, usual, oddTokens)
		token, at := g.session(m.value)
		if shared != "" && g.percent(60) {
			token, m.name = shared, "shared"
		}
		shared = token
		if m.name == "expired" {
			at = g.now - g.in.skew - 100
		}
		g.sessionAt, g.hasSession = at, true
		g.label(c.name[:min(len(c.name), 10)], m.name)
		g.cookie(c.name, token)
	}
	if odd && g.percent(20) {
		g.cookie(pick(g.dice, "__session", "__session_"+g.in.suffix, "__session_other"), pick(g.dice, "", "x", " "))
		g.label("session", "extra")
	}
}

func (g *generator) clientUAT(scenario string, odd bool) {
	value := func() string {
		usual := []named[string]{{"older", fmt.Sprint(g.sessionAt - 100)}, {"equal", fmt.Sprint(g.sessionAt)}}
		if scenario == "signed-out" {
			usual = []named[string]{{"zero", "0"}, {"absent", "-"}}
		}
		choice := weighted(g.dice, map[bool]int{true: 30, false: 95}[odd], usual, []named[string]{
			{"absent", "-"}, {"zero", "0"}, {"newer", fmt.Sprint(g.sessionAt + 10)}, {"empty", ""}, {"5abc", "5abc"}, {"hex", "0x10"}, {"-1", "-1"}, {"00", "00"}, {"float", fmt.Sprint(g.sessionAt) + ".9"}, {"exp", "1e3"}, {"plus", "+5"}, {"abc", "abc"}, {"huge", "99999999999999999999"}, {"future", "9999999999"}, {"pct", "%31%32"}, {"Infinity", "Infinity"}, {"-0", "-0"}, {"nbsp", "%C2%A05"}, {"sep", "1_000"}, {"0x", "0x"}, {"quoted", `"5"`},
		})
		g.label("uat", choice.name)
		return choice.value
	}
	both := g.percent(40)
	if v := value(); v != "-" && (scenario != "suffixed" || both || odd) {
		g.cookie("__client_uat", v)
	}
	if scenario == "suffixed" || scenario == "both" || scenario == "refresh" || odd || both {
		if v := value(); v != "-" {
			g.cookie("__client_uat_"+g.in.suffix, v)
		}
	}
}

func (g *generator) refresh(scenario string, odd bool) {
	if scenario != "refresh" && !(scenario == "header" && g.percent(30)) && !odd || scenario == "refresh" && odd {
		return
	}
	a := g.refreshAnswer()
	token := g.id("rt")
	g.label("refresh", a.name)
	g.r.Rules = append(g.r.Rules, rule{Method: "POST", Path: "^/v1/sessions/[^/]*/refresh$", BodyField: "refresh_token", Equals: token, Answer: a.value})
	name := "__refresh_" + g.in.suffix
	if odd && g.percent(30) {
		name = "__refresh"
	}
	g.cookie(name, token)
}

func (g *generator) handshakes(scenario string, odd bool) {
	if scenario != "handshake" && !odd {
		return
	}
	inQuery := g.percent(60)
	carry := func(name, value string) {
		if inQuery {
			g.query = append(g.query, name+"="+value)
		} else {
			g.cookie(name, value)
		}
	}
	if g.percent(50) {
		a := g.nonceAnswer()
		nonce := g.id("nonce")
		g.label("nonce", a.name)
		g.r.Rules = append(g.r.Rules, rule{Method: "GET", Path: "^/v1/clients/handshake_payload$", QueryField: "nonce", Equals: nonce, Answer: a.value})
		carry("__clerk_handshake_nonce", nonce)
		if !g.percent(10) {
			return
		}
		inQuery = !inQuery
	}
	token := g.handshakeToken()
	if odd && g.percent(30) {
		token = named[string]{"garbage", pick(g.dice, "", "garbage", "a.b.c", "..", "%00")}
	}
	g.label("handshake", token.name)
	carry("__clerk_handshake", token.value)
}

func (g *generator) devBrowser(odd bool) {
	plain, suffixed := "dvb_plain", "dvb_suffixed"
	if odd {
		choice := pick(g.dice, "none", "plain", "suffixed", "query", "odd", "legacy")
		g.label("devBrowser", choice)
		switch choice {
		case "none":
			return
		case "plain":
			suffixed = ""
		case "suffixed":
			plain = ""
		case "query":
			g.query = append(g.query, "__clerk_db_jwt="+pick(g.dice, "dvb_query", "", "a%20b%26", "x&__clerk_db_jwt=y"))
		case "legacy":
			g.query = append(g.query, pick(g.dice, "__dev_session=dvb", "%5F%5Fclerk_db_jwt=enc", "__CLERK_DB_JWT=u", "__clerk_db_jwt"))
		case "odd":
			plain, suffixed = "a b&c=é%20", "%FF"
		}
	}
	if plain != "" {
		g.cookie("__clerk_db_jwt", plain)
	}
	if suffixed != "" {
		g.cookie("__clerk_db_jwt_"+g.in.suffix, suffixed)
	}
}

func (g *generator) redirectCount(odd bool) {
	if !odd {
		return
	}
	v := pick(g.dice, "1", "2", "3", "3", "4", "0", "0x3", "3abc", "-1", "3.0", "2.5", "1e0", "Infinity", "-Infinity", "", "abc", "03", "%33", `"3"`, "99999999999999999999", "1e21", "1e-7", "0b11", "0o3", "%203%20", "+3", "1e400", "0x1F", "NaN", ".5", "5.", "1e20", "0x", "-0x3", "1_0", "9007199254740993", "-0", "0X3", "0xfffffffffffffffff", "inf", "1e", "e5", "+-3", "%E3%80%803")
	g.label("count", v)
	g.cookie("__clerk_redirect_count", v)
}

func (g *generator) crossOrigin(odd func() bool) {
	name := strings.TrimPrefix(g.in.frontendAPI, "clerk.")
	if odd() {
		v := pick(g.dice, g.in.origin+"/x", g.in.origin, "https://other.example/", "http://"+g.in.host+"/", "https://"+g.in.frontendAPI+"/x", "http://"+g.in.frontendAPI+":81/", "https://accounts."+name+"/sign-in", "http://accounts."+name+"/", "https://"+strings.Replace(g.in.frontendAPI, ".clerk.accounts.", ".accounts.", 1)+"/", "https://foo-1.accounts.dev/", "https://foo.clerk.accounts.dev/", "https://accounts.foo.lcl.dev/", "android-app://com.x/", "not a url", "about:blank", strings.ToUpper(g.in.origin)+"/", "https://accounts.evil.example/", g.in.origin+"@evil.example/", g.in.origin+".evil.example/", "//other.example", "https://other.example:99999/", "null", g.in.origin+":443/", "https://user:pw@"+g.in.host+"/", "data:text/html,x", "file:///x", "https://auth."+name+"/x", "blob:"+g.in.origin+"/x")
		g.label("referer", v)
		g.header("Referer", v)
	}
	if odd() {
		v := pick(g.dice, g.in.origin, "https://other.example", "null", "https://primary.example", "http://localhost:3999")
		g.label("origin", v)
		g.header("Origin", v)
	}
	if odd() && g.percent(30) {
		g.header(pick(g.dice, "X-Clerk-User-Id", "x-clerk-auth-status", "X-CLERK-AUTH-TOKEN"), "spoofed")
	}
}

func (g *generator) target(odd func() bool) {
	path := "/dashboard"
	if g.in.Options.OrganizationSyncOptions != nil && g.percent(60) {
		path = pick(g.dice, "/orgs/one", "/orgs/two/x", "/orgs/one/settings", "/org-id/org_one", "/org-id/org_two/x", "/org-id/org_one/", "/me", "/me/x", "/o/org_one", "/o/org_two/%2F", "/t/x", "/t/x/one", "/personal/x", "/personal", "/", "/ORGS/one", "/orgs/%6Fne", "/orgs/", "/orgs/a/b/c", "/org_x/x", "/org_one/", "/orgs/é", "/orgs/one%20two", "/menu", "/orgs/one//", "/orgs/%ZZ", "/org-id/org_one?x", "/me/personal", "/personal/a/b", "/orgs/one/page")
		g.label("path", path)
	} else if odd() {
		path = pick(g.dice, "/", "/a/../b", "/a/./b/", "/%2e%2e/x", "/a//b", "/a%20b/c", "/quote'x", "/~u/(x)!*", "/pipe|x", "/{b}", "/<x>", "/a^b`c", "/\"q\"", "/back\\slash", "/%25zz", "/%zz", "/%C3%BC/%E2%9C%93", "/semi;v=1", "/at@colon:x", "/plus+plus", "/UPPER", "/a%2Fb", "/a%5Cb", "//evil.example/x", "/\\evil.example", "/.%2e/x", "/%00", "/x%", "/$&=,", "/a/..//b", "/#frag", "/x#y?z")
		g.label("path", path)
	}
	if odd() || odd() {
		v := pick(g.dice, "__clerk_synced=true", "__clerk_synced=false", "__clerk_synced=", "__clerk_synced=maybe", "__clerk_synced=false&__clerk_synced=true", "__clerk_redirect_url="+url.QueryEscape("https://sat.example/back?x=1&__clerk_synced=false#h"), "__clerk_redirect_url="+url.QueryEscape(pick(g.dice, "not a url", "HTTPS://Sat.Example", "/relative", "javascript:alert(1)", "https://sat.example/?__clerk_db_jwt=old&a=b c", "//x.example", "http://[::1", "https://sat.example:443/a/../b?q='\"<>", "mailto:a@b", "")), "__clerk_help=1", "__clerk_hs_reason=x", "__clerk_status=needs-sync")
		g.label("protocolQuery", v)
		g.query = append(g.query, v)
	}
	for odd() {
		v := pick(g.dice, "a=b", "a=b%20c", "a=b+c", "flag", "a=1&a=2", "t=~*!()-._", "p=%zz", "s=1;2", "b=%FF", "pipe=a|b", "nul=%00", "u=%E2%9C%93", "u=%E0%A4%A", "emoji=%F0%9F%98%80", "lt=<b>", `dq="x"`, "quote='", "caret=^`", "bs=a\\b", "amp&&b=1", "=v", "x=", "pct=100%", "brack[]=1", "colon=a:b/c?d@e", "enc=%26%3D%23%3F", "utf16=%ED%A0%80", "nl=%0A%0D", "plus=%2B", "dollar=$,", "h=1#frag", "%5Fa=1", "long="+strings.Repeat("z", 300), "?x=?", "a=%u0041", "é=%c3%a9"[2:])
		g.label("query", v)
		g.query = append(g.query, v)
	}
	g.Shuffle(len(g.query), func(i, j int) { g.query[i], g.query[j] = g.query[j], g.query[i] })
	if len(g.query) > 0 {
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		path += separator + strings.Join(g.query, "&")
	}
	g.r.Request.Target = path
}

func (g *generator) cookieHeader(odd bool) {
	if len(g.cookies) == 0 {
		return
	}
	pairs := make([]string, len(g.cookies))
	for i, c := range g.cookies {
		pairs[i] = c[0] + "=" + c[1]
	}
	separator, shape := "; ", "plain"
	if odd {
		shape = pick(g.dice, "tight", "spaces", "tabs", "junk", "twoLines", "pctValue", "pctName", "dupFirst", "dupLast", "quoted", "reversed", "noEquals", "emptyName", "otherSuffix", "upperName", "injected")
		g.label("cookies", shape)
		i := g.IntN(len(pairs))
		name, value := g.cookies[i][0], g.cookies[i][1]
		switch shape {
		case "tight":
			separator = ";"
		case "spaces":
			separator = "  ;   "
		case "tabs":
			separator = "\t;\t"
		case "junk":
			pairs = append([]string{"a", "=b", "", ";;", "x=y=z", "_ga=GA1.2"}, pairs...)
		case "pctValue":
			pairs[i] = name + "=" + pctDots(value)
		case "pctName":
			pairs[i] = strings.Replace(name, "_", "%5F", 1) + "=" + value
		case "dupFirst":
			pairs = append([]string{name + "=" + pick(g.dice, "", "garbage", "0")}, pairs...)
		case "dupLast":
			pairs = append(pairs, name+"="+pick(g.dice, "", "garbage", "0"))
		case "quoted":
			pairs[i] = name + `="` + value + `"`
		case "reversed":
			g.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		case "noEquals":
			pairs[i] = name
		case "emptyName":
			pairs[i] = "=" + value
		case "otherSuffix":
			pairs = append(pairs, "__session_AAAAAAAA=x", "__client_uat_AAAAAAAA=5")
		case "upperName":
			pairs[i] = strings.ToUpper(name) + "=" + value
		case "injected":
			pairs[i] = name + "=" + value + "%3B%20__client_uat=5"
		case "twoLines":
			g.header("Cookie", strings.Join(pairs[:i], separator))
			pairs = pairs[i:]
		}
	}
	g.header("Cookie", strings.Join(pairs, separator))
}

func pctDots(s string) string { return strings.NewReplacer(".", "%2E", "-", "%2d").Replace(s) }
