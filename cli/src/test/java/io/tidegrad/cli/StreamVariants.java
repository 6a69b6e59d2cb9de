package io.tidegrad.cli;

import static io.tidegrad.cli.StreamVariant.map;
import static io.tidegrad.cli.StreamVariant.time;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.tidegrad.cli.StreamVariant.Labels;
import io.tidegrad.engine.random.Murmur3;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// Streams of many shapes.
final class StreamVariants {
    private static final IntFunction<byte @Nullable []> NO_KEY = i -> null;
    private static final IntFunction<String> ONE = i -> "1.0";
    private static final String BINARY = """
            network: [ dense: 4, relu, dense: 1 ]
            loss: binary-cross-entropy
            """;

    private StreamVariants() {}

    private static List<Schema> schemas(String... texts) {
        return List.of(texts).stream().map(text -> new Schema.Parser().parse(text)).toList();
    }

    private static IntFunction<byte @Nullable []> key(String prefix, int of) {
        return i -> (prefix + i % of).getBytes(UTF_8);
    }

    private static String uuid(int i) {
        return new UUID(0x4000L | (long) i << 32, i * 7_919L).toString();
    }

    /// Sensors: arrays of records, ids that are longs, times in ISO-8601, labels that are symbols of an enum.
    static StreamVariant sensors() {
        return new StreamVariant("sensors", 4, 3, schemas("""
                {"type": "record", "name": "Batch", "namespace": "acme.iot", "fields": [
                  {"name": "batch", "type": "long"},
                  {"name": "at", "type": "string"},
                  {"name": "device", "type": {"type": "record", "name": "Device", "fields": [
                    {"name": "site", "type": {"type": "enum", "name": "Site", "symbols": ["NORTH", "SOUTH"]}},
                    {"name": "firmware", "type": ["null", "string"], "default": null}]}},
                  {"name": "readings", "type": {"type": "array", "items":
                    {"type": "record", "name": "Reading", "fields": [
                      {"name": "sensor", "type": "string"}, {"name": "value", "type": "double"}]}}}]}
                """), schemas("""
                {"type": "record", "name": "Inspection", "namespace": "acme.iot", "fields": [
                  {"name": "batch", "type": ["null", "int"]},
                  {"name": "result", "type": {"type": "record", "name": "Result", "fields": [
                    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["ok", "failed"]}}]}},
                  {"name": "at", "type": "string"}]}
                """), "topic", """
                events: { topic: %2$s, key: batch, event-time: at }
                labels: { topic: %3$s, key: batch, value: result.state, event-time: at }
                join: { wait: PT30M, missing: ok, window: P2D }
                """, BINARY + """
                label: { positive: failed }
                features:
                  - category: { field: device.site, buckets: 8, dimension: 2 }
                  - category: { field: device.firmware, buckets: 8, dimension: 2 }
                  - sequence: { field: "readings[].value", steps: 3, width: 1, shorter: pad }
                  - bag: { field: "readings[].sensor", count: 3, buckets: 16, dimension: 2 }
                """,
                i -> map("batch", i, "at", Instant.ofEpochMilli(time(i)).toString(), "device",
                        map("site", i % 3 == 0 ? "NORTH" : "SOUTH", "firmware", i % 4 == 0 ? null : "v" + i % 2),
                        "readings",
                        IntStream.range(0, 1 + i % 3)
                                .mapToObj(j -> map("sensor", "s" + j, "value", (i * 3 + j) % 11 / 11.0)).toList()),
                i -> "" + i, i -> ByteBuffer.allocate(8).putLong(i).array(),
                new Labels(
                        (i, positive, withdrawn) -> map("batch", i, "result", map("state", positive ? "failed" : "ok"),
                                "at", Instant.ofEpochMilli(time(i) + 900).toString().replace("Z", "+00:00")),
                        NO_KEY, i -> "failed", "ok", "ok", false, null, ONE));
    }

    /// Ads: JSON without a registry, clicks that say nothing but which impression they are about, and half of the
    /// impressions without a click left out.
    static StreamVariant ads() {
        return new StreamVariant("ads", 6, 2, List.of(), List.of(), "none", """
                events: { topic: %2$s, key: impression.id, event-time: "@timestamp", format: json }
                labels: { topic: %3$s, key: impression, constant: 1, format: json }
                join: { wait: PT10M, missing: 0, window: P1D }
                sample: { negatives: 0.5, label: 0 }
                """, BINARY + """
                label: {}
                features:
                  - category: { field: impression.campaign, buckets: 32, dimension: 4 }
                  - category: { field: "user.segments[home\\\\.page]", buckets: 8, dimension: 2 }
                  - number: { field: bid, transform: log1p, missing: indicator }
                  - bag: { field: "user.interests", count: 4, buckets: 64, dimension: 4 }
                """,
                i -> map("impression", map("id", "imp/" + i + " é", "campaign", i % 5), "@timestamp", time(i), "bid",
                        i % 6 == 0 ? null : i / 8.0, "user",
                        map("segments", map("home.page", i % 2 == 0), "interests",
                                IntStream.range(0, i % 4).mapToObj(j -> "topic" + j).toList())),
                i -> "imp/" + i + " é", key("user-", 13),
                new Labels((i, positive, withdrawn) -> map("impression", "imp/" + i + " é"), NO_KEY, i -> "1", null,
                        "0", false, i -> kept("imp/" + i + " é"), ONE));
    }

    private static boolean kept(String id) {
        byte[] text = id.getBytes(UTF_8);
        return Integer.toUnsignedLong(Murmur3.hash(text, 0, text.length, 1)) < 1L << 31;
    }

    /// Flights: minutes of delay as a decimal label; flights without one are no examples.
    static StreamVariant flights() {
        return new StreamVariant("flights", 3, 1, schemas("""
                {"type": "record", "name": "Departure", "fields": [
                  {"name": "flight", "type": {"type": "record", "name": "Flight", "fields": [
                    {"name": "number", "type": "int"},
                    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                    {"name": "leaves", "type": {"type": "long", "logicalType": "local-timestamp-millis"}}]}},
                  {"name": "load", "type": {"type": "fixed", "name": "Load", "size": 4,
                    "logicalType": "decimal", "precision": 9, "scale": 3}},
                  {"name": "carrier", "type": ["string", "null"]}]}
                """), schemas("""
                {"type": "record", "name": "Arrival", "fields": [
                  {"name": "ref", "type": {"type": "record", "name": "Ref", "fields": [
                    {"name": "number", "type": "string"}]}},
                  {"name": "delay", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
                  {"name": "cancelled", "type": ["null", "boolean"], "default": null}]}
                """), "topic", """
                events: { topic: %2$s, key: flight.number, event-time: flight.leaves }
                labels: { topic: %3$s, key: ref.number, value: delay, retract: cancelled }
                join: { wait: PT30M, missing: drop, window: P1D, duplicates: last }
                """, """
                network: [ dense: 4, relu, dense: 1 ]
                loss: huber
                label: {}
                features:
                  - number: { field: load, scale: standard }
                  - category: { field: carrier, buckets: 8, dimension: 2 }
                  - time-part: { field: flight.day, parts: [weekday], dimension: 2 }
                  - cyclic: { field: flight.leaves, part: hour }
                """,
                i -> map("flight",
                        map("number", i, "day", Instant.ofEpochMilli(time(i)), "leaves", Instant.ofEpochMilli(time(i))),
                        "load", new BigDecimal(i * 125).movePointLeft(3), "carrier", i % 7 == 0 ? null : "LH"),
                i -> "" + i, key("LH", 9),
                new Labels(
                        (i, positive, withdrawn) -> map("ref", map("number", "" + i), "delay", delay(i, positive),
                                "cancelled", withdrawn ? Boolean.TRUE : null),
                        NO_KEY, i -> text(delay(i, true)), "-12.5", null, true, null, ONE));
    }

    private static BigDecimal delay(int i, boolean positive) {
        return positive ? new BigDecimal(i * 25).movePointLeft(2) : new BigDecimal("-12.50");
    }

    private static String text(BigDecimal delay) {
        double value = delay.doubleValue();
        return value == Math.rint(value) ? "" + (long) value : "" + value;
    }

    /// Payments: unions of records, maps, decimals in bytes, a uuid in a fixed that is text elsewhere, micros, weights.
    static StreamVariant payments() {
        return new StreamVariant("pay", 6, 3, schemas("""
                {"type": "record", "name": "Payment", "namespace": "bank", "fields": [
                  {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}},
                  {"name": "meta", "type": {"type": "record", "name": "Meta", "fields": [
                    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}},
                  {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
                  {"name": "method", "type": [
                    {"type": "record", "name": "Card", "fields": [
                      {"name": "bin", "type": "int"}, {"name": "country", "type": "string"}]},
                    {"type": "record", "name": "Iban", "fields": [{"name": "country", "type": "string"}]}]},
                  {"name": "risk", "type": {"type": "map", "values": ["null", "float"]}},
                  {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"],
                    "default": "EUR"}},
                  {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}]},
                  {"name": "counts", "type": "double"}]}
                """), schemas("""
                {"type": "record", "name": "Review", "namespace": "bank", "fields": [
                  {"name": "payment", "type": {"type": "string", "logicalType": "uuid"}},
                  {"name": "decision", "type": {"type": "record", "name": "Decision", "fields": [
                    {"name": "fraud", "type": ["null", "boolean"]}, {"name": "void", "type": "boolean"}]}},
                  {"name": "on", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
                """), "topic", """
                events: { topic: %2$s, key: id, event-time: meta.at }
                labels: { topic: %3$s, key: payment, value: decision.fraud, event-time: on, retract: decision.void }
                weight: counts
                join: { wait: PT30M, missing: 0, window: P30D }
                """, BINARY + """
                label: {}
                features:
                  - number: { field: amount, transform: log1p, scale: standard }
                  - number: { field: method.bin, missing: indicator }
                  - category: { field: method.country, buckets: 16, dimension: 2 }
                  - number: { field: "risk[velocity]", missing: 0 }
                  - cross: { fields: [currency, method.country], buckets: 32, dimension: 2 }
                  - time-part: { field: born, parts: [month], dimension: 2 }
                """,
                i -> map("id", uuid(i), "meta", map("at", Instant.ofEpochMilli(time(i))), "amount",
                        new BigDecimal(199 + i * 37).movePointLeft(2), "method",
                        i % 3 == 0 ? map(StreamVariant.TYPE, "Iban", "country", "DE")
                                : map(StreamVariant.TYPE, "Card", "bin", 4_000 + i, "country", "FR"),
                        "risk", i % 2 == 0 ? map("velocity", i / 16f) : map(), "currency", i % 4 == 0 ? "USD" : "EUR",
                        "born", i % 5 == 0 ? null : Instant.ofEpochMilli(i * 86_400_000L * 400), "counts",
                        1 + i % 3 / 2.0),
                StreamVariants::uuid, key("card-", 17),
                new Labels(
                        (i, positive, withdrawn) -> map("payment", uuid(i), "decision",
                                map("fraud", positive, "void", withdrawn), "on", Instant.ofEpochMilli(time(i) + 400)),
                        NO_KEY, i -> "true", "false", "0", true, null, i -> "" + (1 + i % 3 / 2.0)));
    }

    /// Orders as Debezium and Connect write them: the id is the record's key on both sides, a tombstone takes a label
    /// back, the record's timestamp is the time.
    static StreamVariant keyed() {
        return new StreamVariant("keyed", 3, 3, List.of(), List.of(), "none", """
                events: { topic: %2$s, key: "@key", format: json }
                labels: { topic: %3$s, key: "@key", value: payload.after.returned, format: json }
                join: { wait: PT30M, missing: false, window: P1D }
                """, BINARY + """
                label: {}
                features:
                  - number: { field: payload.after.total, scale: standard }
                  - category: { field: payload.source.db, buckets: 8, dimension: 2 }
                """,
                i -> map("payload",
                        map("after", map("total", i % 17 + 0.25, "id", (1L << 60) + i), "source",
                                map("db", "shop" + i % 2))),
                i -> " order " + i, i -> (" order " + i).getBytes(UTF_8),
                new Labels(
                        (i, positive, withdrawn) -> withdrawn ? null
                                : map("payload", map("after", map("returned", positive))),
                        i -> (" order " + i).getBytes(UTF_8), i -> "true", "false", "false", true, null, ONE));
    }

    /// Loans whose schema changes: a field is renamed, another widened, a third moved, a fourth dropped; so is that of
    /// labels.
    static StreamVariant evolved() {
        return new StreamVariant("evolved", 5, 2, schemas("""
                {"type": "record", "name": "Loan", "fields": [
                  {"name": "loan_id", "type": "string"},
                  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                  {"name": "sum", "type": "int"},
                  {"name": "country", "type": "string", "default": ""},
                  {"name": "channel", "type": "string", "default": "web"}]}
                """, """
                {"type": "record", "name": "Loan", "fields": [
                  {"name": "id", "type": "string", "aliases": ["loan_id"]},
                  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                  {"name": "amount", "type": "long", "aliases": ["sum"]},
                  {"name": "geo", "type": {"type": "record", "name": "Geo", "fields": [
                    {"name": "country", "type": "string"}]}, "default": {"country": ""}}]}
                """), schemas("""
                {"type": "record", "name": "Outcome", "fields": [
                  {"name": "loan", "type": "string"}, {"name": "bad", "type": "int"},
                  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
                """, """
                {"type": "record", "name": "Outcome", "fields": [
                  {"name": "loan", "type": "string"},
                  {"name": "defaulted", "type": "long", "aliases": ["bad"]},
                  {"name": "agency", "type": ["null", "string"], "default": null},
                  {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
                """), "topic", """
                events: { topic: %2$s, key: loan_id, event-time: at }
                labels: { topic: %3$s, key: loan, value: defaulted, event-time: at }
                join: { wait: PT30M, missing: 0, window: P1D }
                """, BINARY + """
                label: {}
                features:
                  - number: { field: amount, scale: standard }
                  - category: { field: country, buckets: 8, dimension: 2 }
                  - category: { field: geo.country, buckets: 8, dimension: 2 }
                  - category: { field: channel, buckets: 8, dimension: 2 }
                """,
                i -> i < StreamVariant.EVENTS / 2
                        ? map("loan_id", "L" + i, "at", Instant.ofEpochMilli(time(i)), "sum", i * 10, "country", "DE",
                                "channel", "shop")
                        : map("id", "L" + i, "at", Instant.ofEpochMilli(time(i)), "amount", i * 10, "geo",
                                map("country", "FR")),
                i -> "L" + i, key("c", 11),
                new Labels((i, positive, withdrawn) -> map("loan", "L" + i,
                        i < StreamVariant.EVENTS / 2 ? "bad" : "defaulted", positive ? 1 : 0, "at",
                        Instant.ofEpochMilli(time(i) + 1)), NO_KEY, i -> "1", "0", "0", false, null, ONE));
    }

    /// Carts: two types of events on one topic, under subjects that are named by topic and record.
    static StreamVariant types() {
        return new StreamVariant("types", 2, 2, schemas("""
                {"type": "record", "name": "Opened", "namespace": "shop", "fields": [
                  {"name": "cart", "type": {"type": "record", "name": "Cart", "fields": [
                    {"name": "id", "type": "long"}]}},
                  {"name": "page", "type": "string"}, {"name": "items", "type": "int"}]}
                """, """
                {"type": "record", "name": "Resumed", "namespace": "shop", "fields": [
                  {"name": "items", "type": "long"}, {"name": "since", "type": "double"}, {"name": "page", "type": "string"},
                  {"name": "cart", "type": {"type": "record", "name": "Known", "fields": [
                    {"name": "id", "type": "string"}]}}]}
                """), schemas("""
                {"type": "record", "name": "Bought", "namespace": "shop", "fields": [
                  {"name": "cart", "type": "long"}, {"name": "euros", "type": "int"}]}
                """), "record", """
                events: { topic: %2$s, key: cart.id }
                labels: { topic: %3$s, key: cart, value: euros }
                join: { wait: PT30M, missing: 0, window: P1D }
                """, BINARY + """
                label: { threshold: 50 }
                features:
                  - category: { field: page, buckets: 8, dimension: 2 }
                  - number: { field: items }
                """, i -> {
            boolean first = i < StreamVariant.EVENTS / 2;
            Object id = first ? (Object) Long.valueOf(5_000_000_000L + i) : "" + (5_000_000_000L + i);
            return map("cart", map("id", id), "page", "p" + i % 3, "items", i % 6, "since", first ? null : i / 2.0);
        }, i -> "" + (5_000_000_000L + i), key("visitor-", 19),
                new Labels((i, positive, withdrawn) -> map("cart", 5_000_000_000L + i, "euros", positive ? 40 + i : 3),
                        NO_KEY, i -> "" + (40 + i), "3", "0", false, null, ONE));
    }

    /// Counts in the events themselves: no labels, no ids.
    static StreamVariant counts() {
        return new StreamVariant("counts", 6, 0, schemas("""
                {"type": "record", "name": "Hour", "fields": [
                  {"name": "station", "type": ["null", {"type": "record", "name": "Station", "fields": [
                    {"name": "name", "type": "string"}]}]},
                  {"name": "rides", "type": {"type": "record", "name": "Rides", "fields": [
                    {"name": "n", "type": ["int", "long"]}]}},
                  {"name": "hour", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
                """), null, "topic", """
                events: { topic: %2$s, event-time: hour }
                label: rides.n
                """, """
                network: [ dense: 4, relu, dense: 1 ]
                loss: poisson
                label: {}
                features:
                  - category: { field: station.name, buckets: 8, dimension: 2 }
                  - time-part: { field: hour, parts: [hour, weekday], dimension: 2 }
                """,
                i -> map("station", i % 5 == 0 ? null : map("name", "s" + i % 3), "rides", map("n", i % 9), "hour",
                        Instant.ofEpochMilli(time(i))),
                i -> "station" + i, i -> ("station" + i).getBytes(UTF_8),
                new Labels((i, positive, withdrawn) -> null, NO_KEY, i -> "" + i % 9, null, null, false, null, ONE));
    }
}
