package instance

import (
	"sync"
	"time"
)

// formerFor is how long a replaced instance is kept. It is longer than a request may wait
// for Clerk.
const formerFor = 90 * time.Second

// Former keeps an instance that a reload has replaced until no request can use it any
// more. The zero value is ready to use, by several goroutines.
type Former struct {
	mu       sync.Mutex
	instance *Instance
	timer    *time.Timer
}

// Replace closes the instance that was kept, and keeps i instead unless it is nil.
func (f *Former) Replace(i *Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.instance != nil {
		f.timer.Stop()
		f.instance.Close()
	}
	f.instance = i
	if i != nil {
		f.timer = time.AfterFunc(formerFor, func() { f.expire(i) })
	}
}

func (f *Former) expire(i *Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.instance == i {
		f.instance = nil
		i.Close()
	}
}
