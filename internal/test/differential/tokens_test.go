package differential_test

import "strings"

// usualTokens are the tokens of ordinary traffic.
var usualTokens = []named[mutation]{
	{"valid", nil}, {"valid", nil}, {"valid", nil}, {"valid", nil},
	{"expired", expired}, {"expired", expired},
	{"orgV2", both(setClaim("v", 2), orgClaim("id", "org_one", "slg", "one", "rol", "admin", "per", "read,manage", "fpm", "3,2"), setClaim("fea", "o:invoices,u:themes,o:teams"), setClaim("pla", "o:pro,u:free"))},
	{"orgV1", orgV1("org_one", "one")},
	{"notYet", both(atTime("nbf", 1, 30))},
	{"pending", setClaim("sts", "pending")},
}

func orgClaim(pairs ...string) mutation {
	return func(_ dice, _ *generator, t *draft) {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i]] = pairs[i+1]
		}
		t.payload["o"] = o
	}
}

func orgV1(id, slug string) mutation {
	return both(setClaim("org_id", id), setClaim("org_slug", slug), setClaim("org_role", "org:admin"), setClaim("org_permissions", []string{"org:a:b"}))
}

func rawHeader(s string) mutation {
	return func(_ dice, _ *generator, t *draft) { t.rawHeader = s }
}

func rawPayload(s string) mutation {
	return func(_ dice, _ *generator, t *draft) { t.rawPayload = s }
}

// oddTokens are all other kinds of tokens and text.
var oddTokens = []named[mutation]{
	{"expEdgeOut", atTime("exp", -1, 0)}, {"expEdgeIn", atTime("exp", -1, 1)}, {"expHalfIn", atTime("exp", -1, 0.5)}, {"expHalfOut", atTime("exp", -1, -0.5)},
	{"nbfEdgeIn", atTime("nbf", 1, 0)}, {"nbfEdgeOut", atTime("nbf", 1, 1)}, {"nbfHalf", atTime("nbf", 1, 0.5)},
	{"iatEdgeIn", atTime("iat", 1, 0)}, {"iatEdgeOut", atTime("iat", 1, 1)}, {"iatHalf", atTime("iat", 1, 0.5)},
	{"expNow", atTime("exp", 0, 0)}, {"expNowMinus1", atTime("exp", 0, -1)},
	{"expiredLong", both(expired, atTime("exp", -1, -320_000), atTime("iat", -1, -320_060))},
	{"expiredDay", both(expired, atTime("exp", 0, -86_400))},
	{"expiredAndEarly", both(expired, atTime("nbf", 1, 50))},
	{"earlyAndFuture", both(atTime("nbf", 1, 50), atTime("iat", 1, 60))},
	{"iatFuture", atTime("iat", 1, 60)},
	{"expiredNoSid", both(expired, dropClaim("sid"))}, {"expiredSidDots", both(expired, setClaim("sid", "../x"))}, {"expiredSidEmpty", both(expired, setClaim("sid", ""))},
	{"expiredSidNumber", both(expired, setClaim("sid", 7))}, {"expiredSidOdd", both(expired, setClaim("sid", "a b/c?d#e%2Fé"))}, {"expiredSidDot", both(expired, setClaim("sid", "."))},
	{"expiredOrg", both(expired, orgV1("org_one", "one"))}, {"expiredBadSig", both(expired, afterwards(flipSignature))}, {"expiredAzp", both(expired, setClaim("azp", "https://evil.example"))},
	{"badSig", afterwards(flipSignature)}, {"otherKey", func(_ dice, g *generator, t *draft) { t.key = g.keys.other }},
	{"secondKey", func(_ dice, g *generator, t *draft) { t.key, t.header["kid"] = g.keys.second, g.in.kid+"_2" }},
	{"secondKeyMainKid", func(_ dice, g *generator, t *draft) { t.key = g.keys.second }},
	{"mainKeySecondKid", func(_ dice, g *generator, t *draft) { t.header["kid"] = g.in.kid + "_2" }},
	{"unknownKid", func(d dice, _ *generator, t *draft) { t.header["kid"] = d.id("ins") }},
	{"noKid", dropHeader("kid")}, {"kidNumber", setHeader("kid", 5)}, {"kidEmpty", setHeader("kid", "")}, {"kidNull", setHeader("kid", nil)}, {"kidUnicode", setHeader("kid", "ins_✓")}, {"kidLatin", setHeader("kid", "ins_é")}, {"kidNewline", setHeader("kid", "a\nb")},
	{"algNone", signedBy("none", "none")}, {"algNoneUpper", signedBy("none", "NONE")}, {"algNoneSigned", signedBy("RS256", "none")}, {"algMissing", dropHeader("alg")},
	{"hs256", signedBy("HS256", "HS256")}, {"hs256AsRs256", signedBy("HS256", "RS256")}, {"rs384", signedBy("RS256", "RS384")}, {"rs512", signedBy("RS512", "RS512")}, {"ps256", signedBy("PS256", "PS256")}, {"es256", signedBy("RS256", "ES256")}, {"psAsRs", signedBy("PS256", "RS256")}, {"algLower", signedBy("RS256", "rs256")},
	{"noTyp", dropHeader("typ")}, {"typLower", setHeader("typ", "jwt")}, {"typNull", setHeader("typ", nil)}, {"typEmpty", setHeader("typ", "")}, {"typAt", setHeader("typ", "at+jwt")}, {"typAppAt", setHeader("typ", "application/at+jwt")}, {"typAtUpper", setHeader("typ", "AT+JWT")}, {"typList", setHeader("typ", []string{"JWT"})},
	{"catSession", setHeader("cat", "cl_B7d4PD111AAA")}, {"catIgnore", setHeader("cat", "cl_I7d4PD111III")}, {"catTemplate", setHeader("cat", "cl_B7d4PD222AAA")}, {"catM2M", setHeader("cat", "cl_B7d4PD333AAA")}, {"catEmpty", setHeader("cat", "")}, {"catNull", setHeader("cat", nil)}, {"catTemplateBadSig", both(setHeader("cat", "cl_B7d4PD222AAA"), afterwards(flipSignature))},
	{"subMch", setClaim("sub", "mch_abc")}, {"subEmpty", setClaim("sub", "")}, {"subMissing", dropClaim("sub")}, {"subNumber", setClaim("sub", 5)}, {"subText", setClaim("sub", "not a user é✓")},
	{"audOne", setClaim("aud", "https://api.one.example")}, {"audOther", setClaim("aud", "https://nobody.example")}, {"audList", setClaim("aud", []any{"x", "https://api.two.example"})}, {"audListOther", setClaim("aud", []any{"x"})}, {"audMixed", setClaim("aud", []any{"https://api.one.example", 5})}, {"audEmptyList", setClaim("aud", []any{})}, {"audNumber", setClaim("aud", 5)}, {"audEmpty", setClaim("aud", "")}, {"audListEmptyText", setClaim("aud", []any{"", "https://api.one.example"})},
	{"azpOther", setClaim("azp", "https://evil.example")}, {"azpMissing", dropClaim("azp")}, {"azpEmpty", setClaim("azp", "")}, {"azpUpper", func(_ dice, g *generator, t *draft) { t.payload["azp"] = strings.ToUpper(g.in.origin) }}, {"azpList", func(_ dice, g *generator, t *draft) { t.payload["azp"] = []string{g.in.origin} }}, {"azpSlash", func(_ dice, g *generator, t *draft) { t.payload["azp"] = g.in.origin + "/" }},
	{"issOther", setClaim("iss", "https://clerk.other.example")}, {"issMissing", dropClaim("iss")}, {"issNumber", setClaim("iss", 5)}, {"issEmpty", setClaim("iss", "")}, {"issBare", func(_ dice, g *generator, t *draft) { t.payload["iss"] = g.in.frontendAPI }}, {"issHTTP", func(_ dice, g *generator, t *draft) { t.payload["iss"] = "HTTP://" + g.in.frontendAPI }}, {"issSlash", func(_ dice, g *generator, t *draft) { t.payload["iss"] = "https://" + g.in.frontendAPI + "/" }}, {"issTwice", func(_ dice, g *generator, t *draft) { t.payload["iss"] = "https://http://" + g.in.frontendAPI }}, {"issUpper", func(_ dice, g *generator, t *draft) {
		t.payload["iss"] = "https://" + strings.ToUpper(g.in.frontendAPI)
	}},
	{"expMissing", dropClaim("exp")}, {"expText", setClaim("exp", "9999999999")}, {"expZero", setClaim("exp", 0)}, {"expNegative", setClaim("exp", -5)}, {"expHuge", setClaim("exp", 1e15)}, {"expHuger", setClaim("exp", 8.64e12)}, {"expOver", setClaim("exp", 8640000000001.0)}, {"expNull", setClaim("exp", nil)},
	{"nbfNull", setClaim("nbf", nil)}, {"nbfMissing", dropClaim("nbf")}, {"nbfText", setClaim("nbf", "1")}, {"nbfHuge", setClaim("nbf", 1e15)}, {"iatNull", setClaim("iat", nil)}, {"iatMissing", dropClaim("iat")}, {"iatText", setClaim("iat", "1")}, {"iatTextNew", setClaim("iat", "1790000000")}, {"iatTrue", setClaim("iat", true)}, {"iatHuge", setClaim("iat", 1e15)}, {"iatList", setClaim("iat", []any{5})}, {"iatZero", setClaim("iat", 0)}, {"iatHex", setClaim("iat", "0x10")},
	{"active", setClaim("sts", "active")}, {"stsUpper", setClaim("sts", "PENDING")}, {"pendingOrg", both(setClaim("sts", "pending"), orgV1("org_one", "one"))}, {"actor", setClaim("act", map[string]any{"sub": "user_admin", "sid": "s"})}, {"fva", setClaim("fva", []any{3, -1})}, {"fvaOdd", setClaim("fva", []any{3, "x"})},
	{"orgOther", orgV1("org_two", "two")}, {"orgUpper", orgV1("ORG_ONE", "ONE")}, {"orgNoSlug", setClaim("org_id", "org_one")}, {"orgV2Bare", both(setClaim("v", 2), orgClaim("id", "org_one"))}, {"orgV2Empty", both(setClaim("v", 2), orgClaim())}, {"orgV2Role", both(setClaim("v", 2), orgClaim("id", "org_two", "slg", "two", "rol", "org:member"))}, {"orgV2NoFpm", both(setClaim("v", 2), orgClaim("id", "org_one", "per", "a,b"), setClaim("fea", "o:x"))}, {"orgV2Bits", both(setClaim("v", 2), orgClaim("id", "org_one", "slg", "one", "rol", "x", "per", "a,b,c", "fpm", "9007199254740991,5,x, 2,-1"), setClaim("fea", "uo:a,ou:b,o:c,u:d,e, o:f"))}, {"orgV2V1Claims", both(setClaim("v", 2), orgV1("org_one", "one"))}, {"orgVText", both(setClaim("v", "2"), orgClaim("id", "org_one"))}, {"orgV3", both(setClaim("v", 3), orgClaim("id", "org_one"), orgV1("org_two", "two"))}, {"v2NoOrg", setClaim("v", 2)},
	{"headerNull", rawHeader("null")}, {"headerList", rawHeader("[]")}, {"headerNumber", rawHeader("5")}, {"headerText", rawHeader(`"x"`)}, {"headerBroken", rawHeader(`{"alg":`)}, {"headerFalse", rawHeader("false")},
	{"payloadNull", rawPayload("null")}, {"payloadList", rawPayload("[]")}, {"payloadNumber", rawPayload("12")}, {"payloadText", rawPayload(`"sub"`)}, {"payloadBroken", rawPayload(`{"sub":"x"`)}, {"payloadTrailing", rawPayload(`{"sub":"x"} x`)}, {"payloadTrue", rawPayload("true")}, {"payloadEmptyObject", rawPayload("{}")}, {"payloadSpaces", func(_ dice, _ *generator, t *draft) { t.rawPayload = " \n" + compact(t.payload) + "\t" }}, {"payloadBOM", func(_ dice, _ *generator, t *draft) { t.rawPayload = "\ufeff" + compact(t.payload) }}, {"payloadBadUTF8", func(_ dice, _ *generator, t *draft) {
		t.payload["x"] = "Z"
		t.rawPayload = strings.Replace(compact(t.payload), `"Z"`, "\"\xff\xc3\"", 1)
	}}, {"payloadVT", func(_ dice, _ *generator, t *draft) { t.rawPayload = "\v" + compact(t.payload) }},
	{"duplicateSub", func(_ dice, _ *generator, t *draft) {
		t.rawPayload = strings.Replace(compact(t.payload), "{", `{"sub":"user_first","exp":1,`, 1)
	}}, {"duplicateSubLast", func(_ dice, _ *generator, t *draft) {
		s := compact(t.payload)
		t.rawPayload = s[:len(s)-1] + `,"sub":"user_last"}`
	}}, {"escapedNames", func(_ dice, _ *generator, t *draft) {
		t.rawPayload = strings.Replace(compact(t.payload), `"sub"`, `"s\u0075b"`, 1)
	}}, {"upperNames", func(_ dice, _ *generator, t *draft) { t.payload["SUB"], t.payload["Exp"] = "user_evil", 1 }}, {"protoClaim", func(_ dice, _ *generator, t *draft) {
		t.rawPayload = strings.Replace(compact(t.payload), "{", `{"__proto__":{"sid":"x"},`, 1)
	}},
	{"sigPadded", afterwards(func(s string) string { return s + "==" })}, {"sigEmpty", afterwards(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] })}, {"sigMissing", afterwards(func(s string) string { return s[:strings.LastIndexByte(s, '.')] })}, {"fourParts", afterwards(func(s string) string { return s + ".x" })}, {"sigLastChar", afterwards(func(s string) string { return s[:len(s)-1] + "B" })}, {"sigBadChar", afterwards(func(s string) string { return s[:len(s)-2] + "*A" })}, {"sigStd", afterwards(func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) })}, {"sigTrailingSpaceless", afterwards(func(s string) string { return s + "=" })}, {"sigCut", afterwards(func(s string) string { return s[:len(s)-7] })}, {"headerPadded", afterwards(func(s string) string { return strings.Replace(s, ".", "=.", 1) })},
	{"garbage", afterwards(func(string) string { return "garbage" })}, {"dots", afterwards(func(string) string { return ".." })}, {"threeWords", afterwards(func(string) string { return "a.b.c" })}, {"undefined", afterwards(func(string) string { return "undefined" })}, {"apiKey", afterwards(func(string) string { return "ak_something" })}, {"quoted", afterwards(func(s string) string { return `"` + s + `"` })},
	{"big", func(_ dice, _ *generator, t *draft) { t.payload["big"] = strings.Repeat("z", 3000) }}, {"unicode", setClaim("name", "Zoë ✓ \u2028 <b>&")}, {"bigNumber", setClaim("n", 123456789012345680000.0)},
	{"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix}, {"oddMix", oddMix},
	{"expiredOddMix", both(expired, oddMix)}, {"expiredOddMix", both(expired, oddMix)}, {"expiredOddMix", both(expired, oddMix)}, {"expiredOddMix", both(expired, oddMix)},
}

// machineTokens are JWTs of machines; half of them are mutated like the odd tokens.
var machineTokens = []named[mutation]{
	{"m2m", machineClaims("mch_", "", "cl_B7d4PD333AAA")}, {"m2mNoCat", machineClaims("mch_", "", "")}, {"m2mSessionCat", machineClaims("mch_", "", "cl_B7d4PD111AAA")},
	{"oauth", machineClaims("user_", "at+jwt", "")}, {"oauthApp", machineClaims("user_", "application/at+jwt", "")}, {"oauthMch", machineClaims("mch_", "at+jwt", "")}, {"oauthTemplate", machineClaims("user_", "at+jwt", "cl_B7d4PD222AAA")},
}

func machineClaims(sub, typ, cat string) mutation {
	return func(d dice, g *generator, t *draft) {
		delete(t.payload, "azp")
		delete(t.payload, "sid")
		t.payload["sub"], t.payload["jti"] = sub+d.id("x")[2:], d.id("jti")
		if typ != "" {
			t.header["typ"] = typ
			t.payload["client_id"] = "client_1"
		}
		if cat != "" {
			t.header["cat"] = cat
		}
		if v := pick[any](d, nil, "a b", "", []string{"a", "b"}); v != nil {
			t.payload[pick(d, "scope", "scopes", "scp")] = v
		}
		if d.percent(40) {
			t.payload["aud"] = pick[any](d, "https://api.one.example", []string{"https://api.two.example", "x"}, []string{"mch_a"}, "nobody", []string{}, 5, []any{"https://api.one.example", 5}, "")
		}
	}
}
