package clerktest

import "slices"

// CompleteTasks completes all tasks of a pending session, which becomes active. It ignores sessions that are unknown or
// not pending.
func (c *Clerk) CompleteTasks(sessionID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.state.sessions[sessionID]; s != nil && s.statusAt(c.Now()) == "pending" {
		s.tasks = nil
		c.activate(s)
	}
}

// completeTask completes one task; after the last one the session becomes active. The caller holds c.mu.
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

// tasksOf returns the session's tasks, or nil if it has none.
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
