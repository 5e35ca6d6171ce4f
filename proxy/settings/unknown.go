package settings

import (
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// unknownVariables warns of variables that are set but not used. It does not look at
// values: a misspelled name may hold a secret.
func unknownVariables(environ []string) []Warning {
	var known, set []string
	for _, r := range new(Config).table() {
		known = append(known, r.name)
	}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.TrimSpace(value) != "" {
			set = append(set, name)
		}
	}
	var warnings []Warning
	for _, name := range set {
		if message := unread(name, known, set); message != "" {
			warnings = append(warnings, Warning{Variable: name, Message: message})
		}
	}
	return warnings
}

// unread returns a warning about a variable, or "".
func unread(name string, known, set []string) string {
	if own, ok := cutFramework(name); ok {
		if slices.Contains(known, own) && !slices.Contains(set, own) {
			return "is for Clerk's SDKs in browsers and ignored here; set " + own + " to the same value"
		}
		return ""
	}
	if !ownVariable(name) || slices.Contains(known, name) || slices.Contains(elsewhere(), name) {
		return ""
	}
	message := "not a variable of clerkgate and ignored"
	if meant := nearest(name, known); meant != "" {
		message += "; did you mean " + meant + "?"
	}
	return message
}

// nearest returns the known name that was probably meant. It compares what follows the
// prefix, because the prefix would make any two names similar. The name may also have the
// other prefix.
func nearest(name string, known []string) string {
	prefix, rest, _ := strings.Cut(name, "_")
	for _, p := range []string{prefix, "CLERK", "CLERKGATE"} {
		var rests []string
		for _, k := range known {
			if own, ok := strings.CutPrefix(k, p+"_"); ok {
				rests = append(rests, own)
			}
		}
		if meant := problem.Nearest(rest, rests); meant != "" {
			return p + "_" + meant
		}
	}
	return ""
}

// ownVariable reports whether a name has a prefix for which clerkgate warns of unknown
// variables.
func ownVariable(name string) bool {
	return strings.HasPrefix(name, "CLERK_") || strings.HasPrefix(name, "CLERKGATE_")
}

// cutFramework removes the prefix with which a framework marks variables that its pages may
// see.
func cutFramework(name string) (own string, ok bool) {
	for _, prefix := range []string{"NEXT_PUBLIC_", "NUXT_PUBLIC_", "EXPO_PUBLIC_", "PUBLIC_", "VITE_", "REACT_APP_", "GATSBY_"} {
		if own, ok = strings.CutPrefix(name, prefix); ok && strings.HasPrefix(own, "CLERK_") {
			return own, true
		}
	}
	return "", false
}

// elsewhere returns variables of Clerk's SDKs and guides that clerkgate does not need (Clerk documentation, "Clerk environment variables"; @clerk/nextjs,
// src/server/constants.ts). They are often set for the application that shares the
// environment.
func elsewhere() []string {
	return []string{
		"CLERK_AFTER_SIGN_IN_URL", "CLERK_AFTER_SIGN_UP_URL", "CLERK_ENCRYPTION_KEY", "CLERK_FRONTEND_API", "CLERK_JS", "CLERK_JS_URL",
		"CLERK_JS_VERSION", "CLERK_KEYLESS_DISABLED", "CLERK_SIGN_IN_FALLBACK_REDIRECT_URL", "CLERK_SIGN_IN_FORCE_REDIRECT_URL",
		"CLERK_SIGN_UP_FALLBACK_REDIRECT_URL", "CLERK_SIGN_UP_FORCE_REDIRECT_URL", "CLERK_TELEMETRY_DEBUG", "CLERK_TELEMETRY_DISABLED",
		"CLERK_UI_URL", "CLERK_UI_VERSION", "CLERK_WAITLIST_URL", "CLERK_WEBHOOK_SECRET",
	}
}
