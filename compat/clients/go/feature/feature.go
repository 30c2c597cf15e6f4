// Package feature is what the Go programs of the matrix share: the modes of a program, the text it prints, what is written and how
// it is shown. compat/README.md has the protocol and what each feature is; clients/python/features.py is its twin.
package feature

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const T0 = int64(1700000000000) // the timestamp of the first record where timestamps are given

type Header struct {
	Key   string
	Value []byte
}

type Record struct {
	Partition  int32
	Offset     int64
	Key, Value []byte
	Headers    []Header
	Millis     int64
}

type Say func(format string, args ...any)

type Program struct {
	Features map[string]func(say Say, bootstrap, topic string) error
	Absent   map[string]string // what the client does not have, with the reason
	Setup    func(bootstrap, topic string, partitions, count int) error
	Member   func(bootstrap, group, topic string, options map[string]string) error
}

var Shapes = []Record{
	{Value: []byte("no key")},
	{Key: []byte("no value")},
	{Key: []byte{}, Value: []byte{}},
	{Key: []byte("key"), Value: []byte("headers"), Headers: []Header{{"h", []byte("v")}, {"null", nil}, {"empty", []byte{}}, {"h", []byte("again")}}},
	{Key: []byte("schlüssel-鍵"), Value: []byte("Ωδραδέκ 🧵"), Headers: []Header{{"köpfe", []byte("ü")}}},
	{Key: []byte{0, 0xff, 0xfe}, Value: []byte{0xc3, 0x28, 0}},
}

func CodecRecords() []Record {
	records := make([]Record, 200)
	for i := range records {
		records[i] = Record{Key: []byte(strconv.Itoa(i)), Value: []byte(fmt.Sprintf("record %d ", i) + strings.Repeat("odradek ", i%50))}
	}
	return records
}

func Numbers(n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Value: []byte(strconv.Itoa(i)), Millis: T0 + int64(i)}
	}
	return records
}

func Large() []Record {
	value := make([]byte, 1048000)
	for i := range value {
		value[i] = byte(i*7 + i/251)
	}
	return []Record{{Key: []byte("large"), Value: value}}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:16]
}

func Show(data []byte) string {
	if data == nil {
		return "null"
	}
	if len(data) <= 40 {
		return "0x" + hex.EncodeToString(data)
	}
	return fmt.Sprintf("%d bytes %s", len(data), digest(data))
}

func ShowRecord(r Record) string {
	headers := []string{}
	for _, h := range r.Headers {
		headers = append(headers, h.Key+"="+Show(h.Value))
	}
	return fmt.Sprintf("%d key=%s value=%s headers=[%s]", r.Offset, Show(r.Key), Show(r.Value), strings.Join(headers, " "))
}

// ShowAll is one line for many records.
func ShowAll(records []Record) string {
	if len(records) == 0 {
		return "0 records"
	}
	var text strings.Builder
	for _, r := range records {
		fmt.Fprintf(&text, "%d %s %s\n", r.Offset, r.Key, r.Value)
	}
	return fmt.Sprintf("%d records from %d to %d %s", len(records), records[0].Offset, records[len(records)-1].Offset, digest([]byte(text.String())))
}

// ShowRead is which records of which partitions were read.
func ShowRead(records []Record) string {
	sort.Slice(records, func(i, j int) bool {
		a, b := records[i], records[j]
		return a.Partition < b.Partition || a.Partition == b.Partition && a.Offset < b.Offset
	})
	words := []string{}
	for _, r := range records {
		words = append(words, fmt.Sprintf("%d:%d", r.Partition, r.Offset))
	}
	return strings.Join(words, " ")
}

func ShowTime(millis int64) string {
	if millis >= T0 && millis < T0+1000 {
		return strconv.FormatInt(millis-T0, 10)
	}
	if time.Since(time.UnixMilli(millis)).Abs() < time.Minute {
		return "now"
	}
	return strconv.FormatInt(millis, 10)
}

var lock sync.Mutex

func Tell(format string, args ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Printf(format+"\n", args...)
}

func Assigned(partitions []int32) {
	sort.Slice(partitions, func(i, j int) bool { return partitions[i] < partitions[j] })
	words := []string{}
	for _, p := range partitions {
		words = append(words, strconv.Itoa(int(p)))
	}
	Tell("assigned %s", strings.Join(words, ","))
}

// Until waits for a condition, for a minute at most.
func Until(condition func() bool) {
	for end := time.Now().Add(time.Minute); !condition() && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// Changed looks until it sees something else than before: what a broker shows of settings follows a little after the answer.
func Changed(look func() string, before string) string {
	now := before
	Until(func() bool { now = look(); return now != before })
	return now
}

// Stop is closed when a member has to leave: a line comes or standard input ends.
func Stop() <-chan struct{} {
	stop := make(chan struct{})
	go func() {
		bufio.NewReader(os.Stdin).ReadString('\n')
		close(stop)
	}()
	return stop
}

func Outcome(err error) string {
	if err == nil {
		return "ok"
	}
	text := strings.SplitN(err.Error(), "\n", 2)[0]
	if len(text) > 200 {
		text = text[:200]
	}
	return text
}

func (p Program) run(bootstrap, run string, names []string) {
	for _, name := range names {
		if reason, absent := p.Absent[name]; absent {
			Tell("%s: skip %s", name, reason)
			continue
		}
		play := p.Features[name]
		Tell("%s: begin", name)
		topic := name + "-" + run
		err := play(func(format string, args ...any) {
			Tell("%s: %s", name, strings.ReplaceAll(fmt.Sprintf(format, args...), topic, "TOPIC"))
		}, bootstrap, topic)
		if err != nil {
			Tell("%s: failed %s", name, strings.ReplaceAll(Outcome(err), topic, "TOPIC"))
		}
		Tell("%s: done", name)
	}
}

func (p Program) Main() {
	var err error
	args := os.Args[2:]
	switch os.Args[1] {
	case "run":
		p.run(args[0], args[1], args[2:])
	case "setup":
		partitions, _ := strconv.Atoi(args[2])
		count, _ := strconv.Atoi(args[3])
		err = p.Setup(args[0], args[1], partitions, count)
	case "member":
		options := map[string]string{}
		for _, word := range args[3:] {
			key, value, _ := strings.Cut(word, "=")
			options[key] = value
		}
		err = p.Member(args[0], args[1], args[2], options)
		Tell("left")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func Session(options map[string]string) time.Duration {
	if ms, err := strconv.Atoi(options["session"]); err == nil {
		return time.Duration(ms) * time.Millisecond
	}
	return 1500 * time.Millisecond
}
