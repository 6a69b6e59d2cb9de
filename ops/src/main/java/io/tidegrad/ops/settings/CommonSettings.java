package io.tidegrad.ops.settings;

import java.util.List;

/// Settings that several programs read: where Kafka and the registry are, what is listened on, and who is let in.
public final class CommonSettings {
    public static final Setting BOOTSTRAP_SERVERS = Setting.of("bootstrap-servers", "HOST:PORT", Form.ADDRESSES,
            "Kafka brokers to connect to first, separated by commas");
    public static final Setting REGISTRY_URL =
            Setting.of("registry-url", "URL", Form.text("base of the schema registry's Confluent REST API"),
                    "base URL of the schema registry (Confluent's REST API)");
    public static final Setting MODEL = Setting.of("model", "NAME", Form.many(Form.NAME),
            "name of a registered model; trainer, scorer and models list can repeat it");
    public static final Setting STREAM = Setting.of("stream", "NAME", Form.many(Form.NAME),
            "name of a stream that was created; for lr-find flights or digits, which ship with Tidegrad");
    public static final Setting SPEC = Setting.of("spec", "FILE", Form.many(Form.text("a file")),
            "file of a spec, of a model or of a stream; trainer and joiner can repeat it");
    public static final Setting STATE_DIR = Setting.of("state-dir", "DIR", Form.text("a directory"),
            "directory of a process, with its identity and what it needs to start again");
    public static final Setting PREFIX = Setting
            .of("prefix", "PREFIX", Form.NAME, "prefix of the names of Tidegrad's topics and of its application ids")
            .withDefault("tidegrad");
    public static final Setting HTTP_HOST = Setting.of("http-host", "HOST", Form.text("an address to bind"),
            "address to listen on; without --token-file a client needs no password").withDefault("127.0.0.1");
    public static final Setting HTTP_PORT = Setting.of("http-port", "PORT", Form.number(0, 65_535),
            "port to listen on; with 0 the process takes a free one and logs it").withDefault("8080");
    public static final Setting SNAPSHOT_PUBLIC_KEY = Setting.of("snapshot-public-key", "FILE", Form.text("a file"),
            "Ed25519 public key (PEM); snapshots without a signature that it verifies are refused");
    public static final Setting DEAD_LETTER_RETENTION = Setting.of("dead-letter-retention", "TIME", Form.RETENTION,
            "how long a dead-letter topic that is created keeps records, or forever").withDefault("P30D");
    public static final Setting TLS_CERTIFICATE = Setting.of("tls-certificate", "FILE", Form.text("a file"),
            "certificate and its issuers (PEM); with it the HTTP server answers over TLS only");
    public static final Setting TLS_PRIVATE_KEY = Setting.of("tls-private-key", "FILE", Form.text("a file"),
            "private key of --tls-certificate (PEM, PKCS #8)");
    public static final Setting TOKEN_FILE = Setting.of("token-file", "FILE", Form.text("a file"),
            "file with one token a line; a request must carry one as Authorization: Bearer TOKEN");
    public static final Setting MAX_SNAPSHOT_BYTES = Setting
            .of("max-snapshot-bytes", "N", Form.number(1, Long.MAX_VALUE), "size of the largest model that is loaded")
            .otherwise("a quarter of the heap");
    public static final Setting KAFKA = Setting.of("kafka.KEY", "VALUE", Form.text("a value"),
            "a setting for all Kafka clients, as for TLS and SASL");
    public static final Setting REGISTRY = Setting.of("registry.KEY", "VALUE", Form.text("a value"),
            "a setting for the registry's client, as for user and password");
    public static final Setting LOG_FORMAT = Setting.of("log-format", "FORMAT", Form.choice(List.of("text", "json")),
            "how lines of the log are written on standard error").withDefault("text");
    public static final Setting CONFIG = Setting.of("config", "FILE", Form.text("a file"),
            "properties file with these names; it can't name another file");

    public static final Setting STANDBY_REPLICAS = Setting
            .of("standby-replicas", "N", Form.number(0, 10),
                    "how many other processes keep a warm copy of a model, or of what a joiner remembers")
            .withDefault("0");
    public static final Setting REPLICATION = Setting.of("replication", "N", Form.number(1, Short.MAX_VALUE),
            "replication factor of the topics that are created").otherwise("the broker's default");

    private CommonSettings() {}
}
