#!/bin/sh
# A real Kafka broker (KRaft, one node) for development and tests, from Maven Central alone. Needs a JDK (17 or later) and
# Maven, and openssl; `apt-get install openjdk-17-jre-headless maven openssl` where they are missing.
#
#   kafka.sh fetch   fetches the jars once
#   kafka.sh start   fetches the jars once, formats the storage once, starts, returns when the broker answers
#   kafka.sh stop    stops it; the data stay
#   kafka.sh status  exit code 0 while it runs
#   kafka.sh erase   stops it and removes its data; the jars stay
#
# BLOOM_KAFKA_PORT   port of the broker on the loopback address (19092); its controller listens on the next one, and on the one
#                    after that the broker with TLS and a login (SASL_SSL; bloom, bloom-secret; every mechanism), as localhost
# BLOOM_KAFKA_DATA   data, log and pid file (.bloom/kafka in the checkout); tls/ca.crt signed the broker's certificate
# BLOOM_KAFKA_CACHE  the jars (~/.cache/bloom/kafka-4.1.0)
#
# By hand it is:
#   mvn -q -B -C dependency:copy-dependencies -DoutputDirectory=libs
#   java -cp 'libs/*' kafka.tools.StorageTool format -t "$(java -cp 'libs/*' kafka.tools.StorageTool random-uuid)" -c server.properties
#   java -Xmx512m -XX:+UseSerialGC -cp 'libs/*' kafka.Kafka server.properties
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
port=${BLOOM_KAFKA_PORT:-19092}
data=$(realpath -m -- "${BLOOM_KAFKA_DATA:-$here/../../.bloom/kafka}")
cache=${BLOOM_KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bloom/kafka-4.1.0}
pid_file=$data/kafka.pid
log=$data/kafka.log

say() { printf 'kafka: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# A pid file may be stale: the process must be a Kafka of this configuration.
running() {
    [ -f "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "kafka.Kafka $data/server.properties"
}

fetch() {
    [ -f "$cache/complete" ] && return
    command -v java >/dev/null || die 'no java; install openjdk-17-jre-headless'
    command -v mvn >/dev/null || die 'no mvn; install maven'
    say "fetching the broker's jars to $cache"
    mkdir -p "$cache"
    mvn -q -B -C -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/libs" >&2 \
        || die 'Maven could not fetch the jars'
    touch "$cache/complete"
}

# A certificate for the broker, signed by an authority of its own whose key nobody keeps.
certify() {
    [ ! -f "$data/tls/broker.pem" ] || return 0
    command -v openssl >/dev/null || die 'no openssl; install openssl'
    rm -rf "$data/tls"
    mkdir -p "$data/tls"
    (
        cd "$data/tls"
        umask 077
        key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >names
        openssl req -x509 $key -days 3650 -subj /CN=bloom-kafka-ca -keyout ca.key -out ca.crt
        openssl req -new $key -subj /CN=localhost -keyout broker.key -out broker.csr
        openssl x509 -req -in broker.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out broker.crt
        cat broker.key broker.crt >broker.pem
        rm -f ca.key ca.srl broker.key broker.csr broker.crt names
    ) >>"$log" 2>&1 || die "no certificate could be made; see $log"
}

configure() {
    cat >"$data/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1)),SECURE://127.0.0.1:$((port + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SECURE://localhost:$((port + 2))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location=$data/tls/broker.pem
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_bloom="bloom-secret";
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs=$data/log
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.hours=168
log.segment.bytes=67108864
PROPERTIES
    # One file per topic partition would otherwise be preallocated with a 10 MB index.
    echo 'log.index.size.max.bytes=1048576' >>"$data/server.properties"
    cat >"$data/log4j2.properties" <<PROPERTIES
rootLogger.level=warn
rootLogger.appenderRef.stdout.ref=out
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=info
appender.stdout.type=Console
appender.stdout.name=out
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{ISO8601} %p %c %m%n
PROPERTIES
    if [ ! -f "$data/log/meta.properties" ]; then
        id=$(java -cp "$cache/libs/*" kafka.tools.StorageTool random-uuid 2>>"$log")
        java -cp "$cache/libs/*" kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" \
            --add-scram 'SCRAM-SHA-256=[name=bloom,password=bloom-secret]' \
            --add-scram 'SCRAM-SHA-512=[name=bloom,password=bloom-secret]' >>"$log" 2>&1 \
            || die "the storage could not be formatted; see $log"
    fi
}

# The broker says so itself, once it is registered and takes requests.
await() {
    tries=0
    until grep -q 'Kafka Server started' "$log"; do
        tries=$((tries + 1))
        running || die "it ended at once; see $log"
        [ "$tries" -lt 300 ] || die "it does not start; see $log"
        sleep 0.2
    done
}

start() {
    if running; then
        say "runs already on 127.0.0.1:$port"
        return
    fi
    fetch
    mkdir -p "$data"
    : >"$log"
    certify
    configure
    java -Xmx512m -Xms128m -XX:+UseSerialGC -Dlog4j2.configurationFile="$data/log4j2.properties" -cp "$cache/libs/*" \
        kafka.Kafka "$data/server.properties" >>"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
    await
    say "ready on 127.0.0.1:$port"
}

stop() {
    running || { rm -f "$pid_file"; return 0; }
    pid=$(cat "$pid_file")
    kill "$pid"
    tries=0
    while running; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || { kill -9 "$pid" || true; }
        [ "$tries" -lt 70 ] || die "process $pid does not end"
        sleep 0.5
    done
    rm -f "$pid_file"
    say stopped
}

case ${1:-} in
    fetch) fetch ;;
    start) start ;;
    stop) stop ;;
    status) running ;;
    erase) stop && rm -rf "$data" ;;
    *) die 'usage: kafka.sh fetch|start|stop|status|erase' ;;
esac
