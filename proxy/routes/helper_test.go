package routes

import (
	"strings"

	"github.com/clerkgate/clerkgate/middleware"
)

func requirement() middleware.Requirement { return middleware.Requirement{Role: "org:admin"} }

func containsAny(s, chars string) bool { return strings.ContainsAny(s, chars) }
