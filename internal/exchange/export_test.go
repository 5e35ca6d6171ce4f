package exchange

// Len returns how many answers are remembered, failures and expired ones included.
func (e *Exchanger) Len() int { return e.known.Len() }
