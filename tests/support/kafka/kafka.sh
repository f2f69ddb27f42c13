#!/usr/bin/env bash
# Runs one real Apache Kafka broker (KRaft, one node) on 127.0.0.1 for tests and benchmarks. Everything it writes is in DIR.
#
#   kafka.sh fetch                     downloads the broker once per version
#   kafka.sh up DIR [--tls-sasl]       starts it on free ports in the background, prints its addresses
#   kafka.sh run DIR [--tls-sasl]      the same in the foreground; dies with the process that called it
#   kafka.sh restart DIR               starts it again: same ports, same data
#   kafka.sh down DIR | kill DIR       stops it in order | as a crash would
#
# DIR/env names the addresses (bootstrap=, ssl=, sasl_ssl=, ca=); once DIR/server.log says "Kafka Server started" they answer.
# Settings: WEIR_CACHE_DIR (~/.cache/weir), KAFKA_HEAP (768m), KAFKA_JIT (fast: starts fast; full: best throughput, for benchmarks),
# KAFKA_VERSION (that of pom.xml). With --tls-sasl: user "weir", password "weir-secret", PLAIN or SCRAM-SHA-512.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")}
cache=${WEIR_CACHE_DIR:-$HOME/.cache/weir}/kafka-$version
started="Kafka Server started"

fail() { echo "kafka.sh: $*" >&2; exit 1; }

tool() { java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$1/*" "${@:2}"; }

# The cache appears in one move and is never changed afterwards, so any number of test runs may share it.
fetch() {
  [ -d "$cache" ] && return
  mkdir -p "$(dirname "$cache")"
  (
    flock 9
    [ -d "$cache" ] && exit
    new=$(mktemp -d "$cache.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    mvn -q -B -f "$here/pom.xml" "-Dkafka.version=$version" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$new" >"$new/mvn.log" 2>&1 ||
      { tail -n 20 "$new/mvn.log" >&2; fail "cannot download Apache Kafka $version"; }
    mv "$new" "$cache"
  ) 9>"$cache.lock"
}

# Prints a port nobody listens on and holds a lock on it: the broker inherits the lock, so two brokers never get the same one.
# Below 32768 the kernel does not hand ports out by itself.
take_port() {
  local locks=${TMPDIR:-/tmp}/weir-kafka-ports port try fd
  mkdir -p "$locks"
  for try in {1..200}; do
    port=${1:-$((12000 + (RANDOM * 32768 + RANDOM) % 20000))}
    exec {fd}>"$locks/$port"
    if flock -n "$fd" && { [ $# -eq 1 ] || ! grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") .* 0A " /proc/net/tcp /proc/net/tcp6; }; then
      taken=$port
      return
    fi
    exec {fd}>&-
    [ $# -eq 1 ] && sleep 0.05 # a restart: the killed broker may still be going away
  done
  fail "no free port"
}

certificates() { # a CA of its own and a server certificate signed by it
  local tls=$1
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=weir-test-ca -keyout "$tls/ca.key" -out "$tls/ca.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$tls/server.key" -out "$tls/server.csr"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 30 \
    -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out "$tls/server.crt"
  cat "$tls/server.key" "$tls/server.crt" >"$tls/server.pem"
}

configure() { # DIR [--tls-sasl]: ports, settings, certificates, formatted log folder; once per DIR
  local dir=$1 tls_sasl=${2:-} taken plain control listeners more=""
  mkdir -p "$dir"
  take_port; plain=$taken
  take_port; control=$taken
  listeners=PLAINTEXT://127.0.0.1:$plain
  echo "bootstrap=127.0.0.1:$plain" >"$dir/env.new"
  echo "$plain $control" >"$dir/ports"
  if [ "$tls_sasl" = --tls-sasl ]; then
    local ssl sasl_ssl
    take_port; ssl=$taken
    take_port; sasl_ssl=$taken
    certificates "$dir/tls" >"$dir/tls.log" 2>&1 || fail "cannot make certificates, see $dir/tls.log"
    listeners+=,SSL://127.0.0.1:$ssl,SASL_SSL://127.0.0.1:$sasl_ssl
    printf '%s\n' "ssl=127.0.0.1:$ssl" "sasl_ssl=127.0.0.1:$sasl_ssl" "ca=$dir/tls/ca.pem" >>"$dir/env.new"
    echo "$plain $control $ssl $sasl_ssl" >"$dir/ports"
    more=$(
      cat <<P
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_weir="weir-secret";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
    )
  fi
  cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://127.0.0.1:$control
advertised.listeners=$listeners
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
$more
log.dirs=$dir/data
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
compression.type=producer
message.max.bytes=8388608
log.retention.ms=-1
# one node
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# small internal topics
offsets.topic.num.partitions=2
transaction.state.log.num.partitions=2
share.coordinator.state.topic.num.partitions=1
log.cleaner.dedupe.buffer.size=4194304
# what tests wait for happens soon
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.initial.task.delay.ms=500
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=500
log.segment.delete.delay.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
P
  tool "$cache" kafka.tools.StorageTool format -t "w$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-21)" -c "$dir/server.properties" \
    --add-scram 'SCRAM-SHA-512=[name=weir,password=weir-secret]' >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; fail "cannot format $dir/data"; }
  mv "$dir/env.new" "$dir/env"
}

reserve_again() { # the ports of an earlier start
  local ports port
  read -ra ports <"$1/ports"
  for port in "${ports[@]}"; do take_port "$port"; done
}

prepare() { # DIR [--tls-sasl]
  fetch
  if [ -f "$1/env" ]; then reserve_again "$1"; else configure "$@"; fi
}

server() { # DIR PREFIX...: becomes the broker
  local dir=$1 jit=()
  [ "${KAFKA_JIT:-fast}" = full ] || jit=(-XX:TieredStopAtLevel=1)
  : >"$dir/server.log"
  echo $BASHPID >"$dir/pid"
  export MALLOC_ARENA_MAX=2
  exec "${@:2}" java "-Xmx${KAFKA_HEAP:-768m}" -XX:+UseSerialGC "${jit[@]}" -XX:-UsePerfData \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS -Dorg.slf4j.simpleLogger.logFile="$dir/server.log" \
    -cp "$cache/*" kafka.Kafka "$dir/server.properties" >"$dir/stdout.log" 2>&1 </dev/null
}

pid_of() { # the broker's process id while it runs
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) && grep -qsF "$1/server.properties" "/proc/$pid/cmdline" && echo "$pid"
}

start() {
  local dir=$1 try
  pid_of "$dir" >/dev/null && fail "$dir: already up"
  (server "$dir" setsid) &
  local child=$!
  for try in {1..1200}; do
    grep -qs "$started" "$dir/server.log" && { cat "$dir/env"; return; }
    kill -0 $child 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$dir/stdout.log" "$dir/server.log" >&2
  stop "$dir" KILL
  fail "$dir: the broker did not start"
}

stop() { # DIR SIGNAL
  local pid try
  pid=$(pid_of "$1") || return 0
  kill "-$2" "$pid" 2>/dev/null || return 0
  for try in {1..300}; do
    pid_of "$1" >/dev/null || { rm -f "$1/pid"; return 0; }
    sleep 0.1
  done
  kill -KILL "$pid"
}

verb=${1:-}
[ "$verb" = fetch ] && { fetch; exit; }
[ $# -ge 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
mkdir -p "$2"
dir=$(cd "$2" && pwd)
case $verb in
  up) prepare "$dir" "${3:-}"; start "$dir" ;;
  run)
    if [ -z "${KAFKA_TIED:-}" ]; then
      KAFKA_TIED=1 exec setpriv --pdeathsig KILL "${BASH_SOURCE[0]}" "$@"
    fi
    prepare "$dir" "${3:-}"
    server "$dir"
    ;;
  restart) stop "$dir" TERM; reserve_again "$dir"; start "$dir" ;;
  down) stop "$dir" TERM ;;
  kill) stop "$dir" KILL ;;
  *) fail "unknown verb $verb" ;;
esac
