package answer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestErrorKeepsItsCauseToTheLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret detail")
	err := fmt.Errorf("wrapped: %w", &Error{Status: 408, Code: "request_timeout", Message: "Try again.", Err: cause})
	assert.ErrorIs(t, err, cause)
	assert.Equal(t, "wrapped: secret detail", err.Error())
	assert.Equal(t, "Try again.", (&Error{Message: "Try again."}).Error())
}

func TestRoundTripFailed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"deadline":          {fmt.Errorf("x: %w", context.DeadlineExceeded), 504, "upstream_timeout"},
		"deadline of files": {os.ErrDeadlineExceeded, 504, "upstream_timeout"},
		"anything else":     {errors.New("connection refused"), 502, "upstream_unavailable"},
		"cancelled":         {context.Canceled, 502, "upstream_unavailable"},
	} {
		status, code := RoundTripFailed(test.err)
		assert.Equal(t, test.status, status, name)
		assert.Equal(t, test.code, code, name)
	}
}
