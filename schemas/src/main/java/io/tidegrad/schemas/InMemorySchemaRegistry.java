package io.tidegrad.schemas;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.jspecify.annotations.Nullable;

/// A registry without a server, for tests of what stands on one: ids count from 1, the same schema has one id under
/// every subject, and a new version must be able to read all earlier ones (`BACKWARD_TRANSITIVE`).
///
/// By configuration: `schema.registry.url=mock://name`; the same name is the same registry within a process.
public final class InMemorySchemaRegistry implements SchemaRegistry {
    private static final Map<String, InMemorySchemaRegistry> NAMED = new ConcurrentHashMap<>();

    private final List<Schema> schemas = new ArrayList<>(); // id - 1 → schema
    private final Map<String, List<Integer>> subjects = new HashMap<>();

    static InMemorySchemaRegistry named(String name) {
        return NAMED.computeIfAbsent(name, unused -> new InMemorySchemaRegistry());
    }

    @Override
    public synchronized Schema schemaById(int id) {
        if (id < 1 || id > schemas.size()) {
            throw new UnknownSchemaException("schema id " + id + " is not in the registry");
        }
        return schemas.get(id - 1);
    }

    @Override
    public synchronized @Nullable Schema known(int id) {
        return id < 1 || id > schemas.size() ? null : schemas.get(id - 1);
    }

    @Override
    public synchronized int register(String subject, Schema schema) {
        List<Integer> versions = subjects.computeIfAbsent(subject, unused -> new ArrayList<>());
        for (int id : versions) {
            if (schemas.get(id - 1).equals(schema)) {
                return id;
            }
            var compatibility = SchemaCompatibility.checkReaderWriterCompatibility(schema, schemas.get(id - 1));
            if (compatibility.getType() != SchemaCompatibilityType.COMPATIBLE) {
                throw new IncompatibleSchemaException(
                        "schema " + schema.getFullName() + " can't read what schema id " + id + " of subject " + subject
                                + " wrote: " + compatibility.getResult().getIncompatibilities());
            }
        }
        int index = schemas.indexOf(schema);
        if (index < 0) {
            index = schemas.size();
            schemas.add(schema);
        }
        versions.add(index + 1);
        return index + 1;
    }

    @Override
    public synchronized int idOf(String subject, Schema schema) {
        for (int id : subjects.getOrDefault(subject, List.of())) {
            if (schemas.get(id - 1).equals(schema)) {
                return id;
            }
        }
        throw new UnknownSchemaException(
                "schema " + schema.getFullName() + " is not registered under subject " + subject);
    }

    @Override
    public synchronized Registered latestVersion(String subject) {
        List<Integer> versions = subjects.getOrDefault(subject, List.of());
        if (versions.isEmpty()) {
            throw new UnknownSchemaException("subject " + subject + " is not in the registry");
        }
        int id = versions.getLast();
        return new Registered(id, schemas.get(id - 1));
    }

    @Override
    public synchronized List<Registered> versions(String subject, int most) {
        latestVersion(subject);
        return subjects.getOrDefault(subject, List.of()).reversed().stream().limit(most)
                .map(id -> new Registered(id, schemas.get(id - 1))).toList();
    }

    @Override
    public void close() {
        // Nothing is open; a named registry lives as long as the process.
    }
}
