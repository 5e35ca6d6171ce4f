package clerktest

import "slices"

// CompleteTasks does all that a pending session still waits for, so that it becomes active. A session that is not
// pending, or unknown, stays as it is.
func (c *Clerk) CompleteTasks(sessionID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.state.sessions[sessionID]; s != nil && s.statusAt(c.Now()) == "pending" {
		s.tasks = nil
		c.activate(s)
	}
}

// completeTask does one task; the last one makes the session active. The caller holds c.mu.
func (c *Clerk) completeTask(s *session, task string) {
	if s.statusAt(c.Now()) != "pending" {
		return
	}
	s.tasks = slices.DeleteFunc(s.tasks, func(t string) bool { return t == task })
	if len(s.tasks) == 0 {
		c.activate(s)
	}
}

func (c *Clerk) activate(s *session) {
	s.status, s.updatedAt = "active", c.Now()
	c.state.emit("session.created", s)
}

// tasksOf is null for a session that waits for nothing.
func (s *session) tasksOf() any {
	if len(s.tasks) == 0 {
		return nil
	}
	tasks := make([]object, len(s.tasks))
	for i, key := range s.tasks {
		tasks[i] = object{"key": key}
	}
	return tasks
}
