package http1

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// maxInformational limits the informational responses to one request. A 102 every ten
// seconds gets through for a quarter of an hour.
const maxInformational = 100

// answer is a response with everything that belongs to it, in one allocation.
type answer struct {
	res     http.Response
	dropped droppedLine // why a line of the header was left out; "" if none was
	body    body
	coding  [1]string
	values  [12]string
}

// roundTrip sends a request and reads the response's header. After an error the
// connection is still in use.
func (c *conn) roundTrip(ctx context.Context, cl *call) (*http.Response, error) {
	c.begin(ctx, cl.body == nil)
	if cl.body != nil {
		c.arm() // costs little beside a goroutine
	}
	if err := c.exchange(cl.out, cl.body == nil); err != nil {
		return nil, c.explain(err)
	}
	var up *upload
	if cl.body != nil {
		up = c.upload(cl)
	}
	a, err := c.finalAnswer(ctx, cl, up)
	if err == nil {
		err = c.deliver(a, cl, up)
	}
	if err != nil {
		up.decide(false)
		if failed := up.failure(); failed != nil && !c.received {
			err = &lostError{failed} // the reason why there is no response
		}
		return nil, c.explain(err)
	}
	return &a.res, nil
}

// finalAnswer reads headers up to one that is not informational.
func (c *conn) finalAnswer(ctx context.Context, cl *call, up *upload) (*answer, error) {
	var trace *httptrace.ClientTrace
	budget := c.t.maxHeaderBytes
	for n := 0; ; n++ {
		end, lines, err := c.readHead(budget)
		if err != nil {
			if !c.received {
				err = &lostError{err}
			}
			return nil, err
		}
		size := end - c.r
		block := string(c.in[c.r:end])
		c.r = end
		a := &answer{}
		if err := a.parse(block, lines); err != nil {
			return nil, err
		}
		if a.dropped != "" && c.t.dropped != nil {
			c.t.dropped(string(a.dropped))
		}
		if err := a.frame(cl.req.Method); err != nil {
			return nil, err
		}
		code := a.res.StatusCode
		if code >= 200 || code == http.StatusSwitchingProtocols {
			return a, nil
		}
		if n == 0 {
			trace = httptrace.ContextClientTrace(ctx)
		}
		if n == maxInformational {
			return nil, malformed("too many informational answers")
		}
		budget -= size
		told, err := tell(trace, cl.informer, a, up)
		if err != nil {
			return nil, err
		}
		if told {
			budget = c.t.maxHeaderBytes // as net/http does: whoever was told may object
		}
	}
}

// tell passes an informational response on, to the body that waits for it and to the
// hooks of the request.
func tell(trace *httptrace.ClientTrace, informer Informer, a *answer, up *upload) (told bool, err error) {
	if a.res.StatusCode == http.StatusContinue && up != nil && up.proceed != nil && !up.told {
		up.told = true
		if trace != nil && trace.Got100Continue != nil {
			trace.Got100Continue()
		}
		up.decide(true)
	}
	if informer != nil {
		informer.Inform(a.res.StatusCode, a.res.Header)
		told = true
	}
	if trace == nil || trace.Got1xxResponse == nil {
		return told, nil
	}
	if err := trace.Got1xxResponse(a.res.StatusCode, textproto.MIMEHeader(a.res.Header)); err != nil {
		return false, fmt.Errorf("http1: informational answer: %w", err)
	}
	return true, nil
}

// deliver gives the response its body, and the connection its next use.
func (c *conn) deliver(a *answer, cl *call, up *upload) error {
	res := &a.res
	res.Request = cl.req
	if res.StatusCode == http.StatusSwitchingProtocols {
		return c.switchProtocols(res, cl, up)
	}
	up.decide(false) // a body that still waits is not wanted
	keep := !res.Close && !cl.close && c.heedKeepAlive(res.Header)
	b := &a.body
	if b.kind == bodyNone {
		res.Body = http.NoBody
		c.end(keep && up.complete())
		return nil
	}
	if b.kind != bodyLength || int64(c.w-c.r) < b.rest {
		c.headerDone()
	}
	b.c, b.up, b.res, b.keep = c, up, res, keep
	res.Body = b
	return nil
}
