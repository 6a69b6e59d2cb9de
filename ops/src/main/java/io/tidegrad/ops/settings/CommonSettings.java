package io.tidegrad.ops.settings;

/// Settings that several programs read: where Kafka and the registry are, what is listened on, and who is let in.
public final class CommonSettings {
    public static final Setting BOOTSTRAP_SERVERS = Setting.of("bootstrap-servers", "HOST:PORT", new Form.Addresses(),
            "Kafka brokers to connect to first, separated by commas");
    public static final Setting REGISTRY_URL =
            Setting.of("registry-url", "URL", new Form.Text("base of the schema registry's Confluent REST API"),
                    "base URL of the schema registry (Confluent's REST API)");
    public static final Setting MODEL = Setting.of("model", "NAME", new Form.Many(new Form.Name()),
            "a registered model; trainer, scorer and models list take several: repeat it");
    public static final Setting STATE_DIR = Setting.of("state-dir", "DIR", new Form.Text("a directory"),
            "keeps a trainer's identity, or what a scorer served last, for a start without Kafka");
    public static final Setting PREFIX = Setting.of("prefix", "PREFIX", new Form.Name(),
            "prefix of the names of Tidegrad's topics and of its application ids").withDefault("tidegrad");
    public static final Setting HTTP_HOST = Setting
            .of("http-host", "HOST", new Form.Text("an address to bind"),
                    "address to listen on; without --token-file nobody is asked for a password")
            .withDefault("127.0.0.1");
    public static final Setting HTTP_PORT = Setting.of("http-port", "PORT", new Form.Number(0, 65_535),
            "port to listen on; 0 takes a free one, which a line at the start names").withDefault("8080");
    public static final Setting SNAPSHOT_PUBLIC_KEY = Setting.of("snapshot-public-key", "FILE", new Form.Text("a file"),
            "Ed25519 public key (PEM); snapshots that do not match it are refused");
    public static final Setting DEAD_LETTER_RETENTION = Setting
            .of("dead-letter-retention", "TIME", new Form.Retention(),
                    "retention of the dead-letter topic, set when it is created: P30D, PT12H, forever")
            .withDefault("P30D");
    public static final Setting TLS_CERTIFICATE = Setting.of("tls-certificate", "FILE", new Form.Text("a file"),
            "certificate and its issuers (PEM): answer over TLS only");
    public static final Setting TLS_PRIVATE_KEY = Setting.of("tls-private-key", "FILE", new Form.Text("a file"),
            "private key of --tls-certificate (PEM, PKCS #8)");
    public static final Setting TOKEN_FILE = Setting.of("token-file", "FILE", new Form.Text("a file"),
            "tokens, one a line; a request must have one: Authorization: Bearer TOKEN");
    public static final Setting MAX_SNAPSHOT_BYTES =
            Setting.of("max-snapshot-bytes", "N", new Form.Number(1, Long.MAX_VALUE),
                    "largest model that is loaded; a larger one is refused").otherwise("a quarter of the heap");
    public static final Setting KAFKA = Setting.of("kafka.KEY", "VALUE", new Form.Text("a value"),
            "a setting of all Kafka clients (TLS, SASL, ...)");
    public static final Setting REGISTRY = Setting.of("registry.KEY", "VALUE", new Form.Text("a value"),
            "a setting of the registry's client (user and password, time-outs)");
    public static final Setting CONFIG = Setting.of("config", "FILE", new Form.Text("a file"),
            "file of properties with these names; a file can't name another one");

    private CommonSettings() {}
}
