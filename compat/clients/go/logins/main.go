// Logins through franz-go, sarama and kafka-go: each case writes a record, reads it again, and says so, or why not.
//
//	logins CLIENT CASES      sasl/run has what a case is; the lines are in the cases' order
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/segmentio/kafka-go"
	ksasl "github.com/segmentio/kafka-go/sasl"
	kplain "github.com/segmentio/kafka-go/sasl/plain"
	kscram "github.com/segmentio/kafka-go/sasl/scram"
	"github.com/twmb/franz-go/pkg/kgo"
	fsasl "github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	xdg "github.com/xdg-go/scram"
)

const patience = 30 * time.Second

type login struct{ name, address, protocol, mechanism, user, password, token, ca, own, topic string }

var errAbsent = errors.New("its record is not there")

func parse(line string) login {
	f := strings.Split(line, "\t")
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	return login{f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]}
}

// tls is nil where there is none.
func (l login) tls() *tls.Config {
	if l.ca == "" {
		return nil
	}
	pem, err := os.ReadFile(l.ca)
	if err != nil {
		panic(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1"}
	c.RootCAs.AppendCertsFromPEM(pem)
	if l.own != "" {
		own, err := tls.LoadX509KeyPair(l.own+".crt", l.own+".key")
		if err != nil {
			panic(err)
		}
		// Also where the server does not name its authority.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return c
}

// ---- franz-go ----

func (l login) franzMechanism() fsasl.Mechanism {
	auth := scram.Auth{User: l.user, Pass: l.password, IsToken: strings.Contains(l.name, "delegation")}
	switch l.mechanism {
	case "PLAIN":
		return plain.Auth{User: l.user, Pass: l.password}.AsMechanism()
	case "SCRAM-SHA-256":
		return auth.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return auth.AsSha512Mechanism()
	}
	return oauth.Auth{Token: l.token}.AsMechanism()
}

func franz(ctx context.Context, l login) error {
	options := []kgo.Opt{kgo.SeedBrokers(l.address), kgo.RequestRetries(0), kgo.RecordRetries(2), kgo.RetryTimeout(20 * time.Second),
		kgo.RecordDeliveryTimeout(20 * time.Second), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: {0: kgo.NewOffset().AtStart()}})}
	if t := l.tls(); t != nil {
		options = append(options, kgo.DialTLSConfig(t))
	}
	if l.mechanism != "" {
		options = append(options, kgo.SASL(l.franzMechanism()))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return err
	}
	value := "franz-go " + l.name
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: l.topic, Value: []byte(value)}).FirstErr(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		found := false
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { found = found || string(r.Value) == value })
		if found {
			return nil
		}
	}
	return errAbsent
}

// ---- sarama ----

type conversation struct {
	*xdg.ClientConversation
	hash xdg.HashGeneratorFcn
}

func (c *conversation) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

type bearer string

func (b bearer) Token() (*sarama.AccessToken, error) {
	return &sarama.AccessToken{Token: string(b)}, nil
}

func (l login) saramaConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Metadata.Retry.Max = 0
	c.Producer.Retry.Max = 1
	c.Producer.Return.Successes = true
	if t := l.tls(); t != nil {
		c.Net.TLS.Enable, c.Net.TLS.Config = true, t
	}
	if l.mechanism == "" {
		return c
	}
	c.Net.SASL.Enable, c.Net.SASL.Mechanism = true, sarama.SASLMechanism(l.mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = l.user, l.password
	switch l.mechanism {
	case "SCRAM-SHA-256":
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: xdg.SHA256} }
	case "SCRAM-SHA-512":
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: xdg.SHA512} }
	case "OAUTHBEARER":
		c.Net.SASL.TokenProvider = bearer(l.token)
	}
	return c
}

func saramas(ctx context.Context, l login) error {
	client, err := sarama.NewClient([]string{l.address}, l.saramaConfig())
	if err != nil {
		return err
	}
	defer client.Close()
	value := "sarama " + l.name
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		return err
	}
	if _, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: l.topic, Value: sarama.StringEncoder(value)}); err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	partition, err := consumer.ConsumePartition(l.topic, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	defer partition.Close()
	for {
		select {
		case m := <-partition.Messages():
			if string(m.Value) == value {
				return nil
			}
		case <-ctx.Done():
			return errAbsent
		}
	}
}

// ---- kafka-go ----

func (l login) kafkaGoMechanism() (ksasl.Mechanism, error) {
	switch l.mechanism {
	case "PLAIN":
		return kplain.Mechanism{Username: l.user, Password: l.password}, nil
	case "SCRAM-SHA-256":
		return kscram.Mechanism(kscram.SHA256, l.user, l.password)
	case "SCRAM-SHA-512":
		return kscram.Mechanism(kscram.SHA512, l.user, l.password)
	}
	return nil, nil
}

func kafkaGo(ctx context.Context, l login) error {
	mechanism, err := l.kafkaGoMechanism()
	if err != nil {
		return err
	}
	dialer := &kafka.Dialer{Timeout: 10 * time.Second, TLS: l.tls(), SASLMechanism: mechanism}
	conn, err := dialer.DialLeader(ctx, "tcp", l.address, l.topic, 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	value := "kafka-go " + l.name
	if _, err = conn.WriteMessages(kafka.Message{Value: []byte(value)}); err != nil {
		return err
	}
	if _, err = conn.Seek(0, kafka.SeekStart); err != nil {
		return err
	}
	for ctx.Err() == nil {
		m, err := conn.ReadMessage(1 << 20)
		if err != nil {
			return err
		}
		if string(m.Value) == value {
			return nil
		}
	}
	return errAbsent
}

// ---- all ----

func outcome(client func(context.Context, login) error, l login) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := client(ctx, l); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return "let in"
}

func main() {
	sarama.Logger = log.New(io.Discard, "", 0)
	client := map[string]func(context.Context, login) error{"franz-go": franz, "sarama": saramas, "kafka-go": kafkaGo}[os.Args[1]]
	file, err := os.Open(os.Args[2])
	if err != nil {
		panic(err)
	}
	var said []string
	var all sync.WaitGroup
	places := make(chan struct{}, 8)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	var logins []login
	for lines.Scan() {
		logins = append(logins, parse(lines.Text()))
	}
	said = make([]string, len(logins))
	for i, l := range logins {
		all.Add(1)
		go func() {
			defer all.Done()
			places <- struct{}{}
			said[i] = outcome(client, l)
			<-places
		}()
	}
	all.Wait()
	for i, l := range logins {
		fmt.Printf("%s, %s: %s\n", os.Args[1], l.name, said[i])
	}
}
