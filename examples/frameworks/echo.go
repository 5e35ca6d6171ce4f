package frameworks

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/clerkgate/clerkgate/middleware"
)

// Echo wraps the middleware with its own adapter, which hands the writer on.
func Echo(auth *middleware.Authenticator) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(auth.Handler))
	e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, "welcome") })

	members := e.Group("", echo.WrapMiddleware(middleware.RequireSignedIn))
	members.GET("/account", func(c echo.Context) error {
		return c.String(http.StatusOK, "hello "+middleware.FromContext(c.Request().Context()).UserID)
	})
	members.GET("/cached", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "public, max-age=60")
		return c.NoContent(http.StatusOK)
	})
	members.GET("/stream", func(c echo.Context) error {
		if _, err := c.Response().Write([]byte("first\n")); err != nil {
			return err
		}
		c.Response().Flush()
		<-c.Request().Context().Done()
		return nil
	})
	members.GET("/socket", func(c echo.Context) error {
		greet(c.Response(), c.Request(), middleware.FromContext(c.Request().Context()).UserID)
		return nil
	})
	return e
}
