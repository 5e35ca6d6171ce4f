//go:build unix

package replicas

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

func TestMain(m *testing.M) {
	if flag.Parse(); testing.Short() { // as in "make check"
		fmt.Println("replicas: not run with -short")
		os.Exit(0)
	}
	if err := redistest.Missing(); err != nil {
		if os.Getenv("REDIS_REQUIRED") != "" {
			fmt.Println("replicas:", err)
			os.Exit(1)
		}
		fmt.Printf("replicas: not run: %v; set REDIS_REQUIRED to fail instead\n", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}
