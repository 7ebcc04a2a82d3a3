// The process in which a provider in Go answers: it stands beside the provider's own file, in the same package or in
// one that imports it. It reads frames (one JSON object a line) from a private socket and answers on it; see the host
// in Python for what each frame means. All names are its own, for it shares the package with users' code.
package main

import (
	sojournBufio "bufio"
	sojournJson "encoding/json"
	sojournFmt "fmt"
	sojournOs "os"
	sojournReflect "reflect"
	sojournRuntime "runtime"
	sojournConv "strconv"
	sojournStrings "strings"
	sojournSync "sync"
	sojournSyscall "syscall"
)

type sojournFrame struct {
	Id     int64
	Args   []sojournJson.RawMessage
	Load   bool
	Cancel int64
	Exit   bool
}

type sojournHost struct {
	function sojournReflect.Value
	socket   *sojournOs.File
	lock     sojournSync.Mutex
	waiting  map[int64]bool
}

// sojournServe takes calls until the engine says that it is over, or is gone.
func sojournServe(function interface{}) {
	number, _ := sojournConv.Atoi(sojournOs.Args[1])
	sojournOs.Args = sojournOs.Args[:1]
	sojournSyscall.CloseOnExec(number)
	host := &sojournHost{
		function: sojournReflect.ValueOf(function),
		socket:   sojournOs.NewFile(uintptr(number), "sojourn"),
		waiting:  map[int64]bool{},
	}
	host.send(map[string]interface{}{"ready": sojournOs.Getpid()})
	lines := sojournBufio.NewReader(host.socket)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			sojournOs.Exit(0)
		}
		var frame sojournFrame
		if sojournJson.Unmarshal(line, &frame) == nil {
			host.take(frame)
		}
	}
}

func (host *sojournHost) take(frame sojournFrame) {
	switch {
	case frame.Exit:
		sojournOs.Exit(0)
	case frame.Cancel != 0:
		host.answer(frame.Cancel, sojournProblem("abandoned", "", "abandoned"))
	case frame.Id != 0 && frame.Load:
		host.waiting_for(frame.Id)
		host.answer(frame.Id, host.load())
	case frame.Id != 0:
		host.waiting_for(frame.Id)
		go func() { host.answer(frame.Id, host.call(frame.Args)) }()
	}
}

func (host *sojournHost) waiting_for(id int64) {
	host.lock.Lock()
	defer host.lock.Unlock()
	host.waiting[id] = true
}

// answer sends what came of a call; of one that was abandoned nobody wants to hear any more.
func (host *sojournHost) answer(id int64, told map[string]interface{}) {
	host.lock.Lock()
	defer host.lock.Unlock()
	if !host.waiting[id] {
		return
	}
	delete(host.waiting, id)
	told["id"] = id
	host.send(told)
}

func (host *sojournHost) send(told map[string]interface{}) {
	line, err := sojournJson.Marshal(told)
	if err != nil {
		problem := sojournProblem("it returned what JSON cannot carry: "+err.Error(), "", "value")
		problem["id"] = told["id"]
		line, _ = sojournJson.Marshal(problem)
	}
	host.socket.Write(append(line, '\n'))
}

// load tells whether the function is one that can be called.
func (host *sojournHost) load() map[string]interface{} {
	kind := host.function.Type()
	wrong := ""
	if kind.Kind() != sojournReflect.Func || kind.NumIn() != 3 || kind.NumOut() != 2 || kind.IsVariadic() {
		wrong = "it must be func(prompt string, options, ctx map[string]interface{}) (map[string]interface{}, error), not " +
			kind.String()
	} else if host.function.IsNil() {
		wrong = "it is nil: no init function has set it"
	}
	if wrong != "" {
		return sojournProblem(wrong, "", "load")
	}
	return map[string]interface{}{"value": map[string]interface{}{}}
}

func (host *sojournHost) call(given []sojournJson.RawMessage) (told map[string]interface{}) {
	defer func() {
		if panicked := recover(); panicked != nil {
			told = sojournProblem(sojournFmt.Sprintf("panic: %v", panicked), sojournPlace(), "panic")
		}
	}()
	if unfit := host.load(); unfit["error"] != nil {
		return unfit
	}
	arguments := make([]sojournReflect.Value, 3)
	for at := range arguments {
		argument := sojournReflect.New(host.function.Type().In(at))
		if err := sojournJson.Unmarshal(given[at], argument.Interface()); err != nil {
			return sojournProblem(sojournFmt.Sprintf("it cannot take its argument %d: %v", at+1, err), "", "argument")
		}
		arguments[at] = argument.Elem()
	}
	results := host.function.Call(arguments)
	if failed, ok := results[1].Interface().(error); ok && failed != nil {
		return sojournProblem(failed.Error(), "", "error")
	}
	return map[string]interface{}{"value": results[0].Interface()}
}

func sojournProblem(what string, where string, kind string) map[string]interface{} {
	return map[string]interface{}{
		"error": map[string]interface{}{"what": what, "where": where, "trace": "", "type": kind},
	}
}

// sojournPlace returns the line of users' code that panicked.
func sojournPlace() string {
	counters := make([]uintptr, 64)
	frames := sojournRuntime.CallersFrames(counters[:sojournRuntime.Callers(0, counters)])
	panicking := false
	for {
		frame, more := frames.Next()
		if panicking && !sojournStrings.HasPrefix(frame.Function, "runtime.") {
			return frame.File + ":" + sojournConv.Itoa(frame.Line)
		}
		panicking = panicking || frame.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
