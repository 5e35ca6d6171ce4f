package differential_test

import (
	"fmt"
	"net/url"
	"strings"
)

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
		g.sessionAt = at
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
		if g.percent(8) {
			nonce += "/é.-~*"
			g.label("nonce", "odd")
		}
		g.label("nonce", a.name)
		g.r.Rules = append(g.r.Rules, rule{Method: "GET", Path: "^/v1/clients/handshake_payload$", QueryField: "nonce", Equals: nonce, Answer: a.value})
		carry("__clerk_handshake_nonce", url.QueryEscape(nonce))
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

func (g *generator) cookieHeader(odd bool) {
	if len(g.cookies) == 0 {
		return
	}
	pairs := make([]string, len(g.cookies))
	for i, c := range g.cookies {
		pairs[i] = c[0] + "=" + c[1]
	}
	separator := "; "
	if odd {
		shape := pick(g.dice, "tight", "spaces", "tabs", "junk", "twoLines", "pctValue", "pctName", "dupFirst", "dupLast", "quoted", "reversed", "noEquals", "emptyName", "otherSuffix", "upperName", "injected")
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
