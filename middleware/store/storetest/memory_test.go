package storetest_test

import (
	"testing"

	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Config{New: func(*testing.T) store.Store { return storetest.NewMemory(nil) }})
}
