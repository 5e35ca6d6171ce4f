package differential_test

import (
	"net/url"
	"strings"
)

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
		h := pick(g.dice, g.r.Request.Headers[1:]...)
		if !strings.EqualFold(h[0], "Authorization") || g.percent(30) {
			g.label("repeated", h[0])
			g.header(h[0], pick(g.dice, h[1], "", "other"))
		}
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
	for range 2 {
		if !odd() {
			continue
		}
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
