package frameworks

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clerkgate/clerkgate/middleware"
)

// Gin stands behind the middleware as a whole: inside, it would go on writing to the
// writer that it has, and refreshed cookies would get lost. Serve what this returns; Run
// of the engine would leave the middleware out.
func Gin(auth *middleware.Authenticator) http.Handler {
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })

	members := engine.Group("", ginHandler(middleware.RequireSignedIn))
	members.GET("/account", func(c *gin.Context) {
		c.String(http.StatusOK, "hello "+middleware.FromContext(c.Request.Context()).UserID)
	})
	members.GET("/cached", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=60")
		c.Status(http.StatusOK)
	})
	members.GET("/stream", func(c *gin.Context) {
		first := true
		c.Stream(func(w io.Writer) bool {
			if first {
				_, _ = io.WriteString(w, "first\n")
				first = false
				return true
			}
			<-c.Request.Context().Done()
			return false
		})
	})
	members.GET("/socket", func(c *gin.Context) {
		greet(c.Writer, c.Request, middleware.FromContext(c.Request.Context()).UserID)
	})
	return auth.Handler(engine)
}

// ginHandler makes a Gin handler of a middleware that only lets requests through or
// answers them, as Require does. It is of no use for one that wraps the writer.
func ginHandler(require func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed, c.Request = true, r
			c.Next()
		})
		require(next).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
