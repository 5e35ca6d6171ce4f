package middleware

// Variant holds the options that may differ for a part of an application.
type Variant struct {
	// AcceptsToken is as [Options.AcceptsToken].
	AcceptsToken []TokenType
	// RefreshEveryMethod is as [Options.RefreshEveryMethod].
	RefreshEveryMethod bool
	// AcceptPendingSessions is as [Options.AcceptPendingSessions].
	AcceptPendingSessions bool
	// StrictRevocation is as [Options.StrictRevocation].
	StrictRevocation bool
}

// With returns an Authenticator that differs from a in v alone. The two share keys, caches
// and connections, which live until a is closed: closing the variant does nothing. An
// invalid v is an [*OptionsError].
func (a *Authenticator) With(v Variant) (*Authenticator, error) {
	variant := *a
	variant.isVariant = true
	variant.opts.AcceptsToken, variant.opts.RefreshEveryMethod = v.AcceptsToken, v.RefreshEveryMethod
	variant.opts.AcceptPendingSessions, variant.opts.StrictRevocation = v.AcceptPendingSessions, v.StrictRevocation
	var problems []Problem
	problems = append(problems, variant.checkSecretKey()...)
	problems = append(problems, variant.checkAcceptsToken()...)
	if len(problems) > 0 {
		return nil, &OptionsError{Problems: problems}
	}
	return &variant, nil
}
