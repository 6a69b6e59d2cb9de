package io.tidegrad.model.feature;

import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.RecordWalk;
import io.tidegrad.schemas.UnknownField;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.util.WeakIdentityHashMap;
import org.jspecify.annotations.Nullable;

/// An Avro record that somebody else decoded, as an event. It is reused: `event.of(record)` returns the same object. Not
/// thread-safe. Where the fields lie is found once per schema. Times of any logical type become epoch milliseconds
/// (micros and nanos rounded down, dates as their midnight, local timestamps as if they were UTC), decimals numbers, and
/// enum symbols their names.
public final class AvroEvent implements Event {
    /// Some fields that are asked for together, and what was found of them.
    private static final class Group {
        final List<FieldPath> paths;
        final FieldValues values;
        final Map<Schema, FieldPlan> plans = new WeakIdentityHashMap<>();

        Group(List<String> fields) {
            paths = fields.stream().map(AvroEvent::path).toList();
            values = new FieldValues(fields);
        }
    }

    private final @Nullable Schema reader;
    private final Map<String, Group> single = new HashMap<>();
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private Group listed = new Group(List.of());
    private @Nullable IndexedRecord record;
    private @Nullable UnknownField unknownField;

    /// Fields are found by the names and aliases of the record's own schema.
    public AvroEvent() {
        this(null);
    }

    /// Fields are found by the names and aliases of `reader`, too: for a model whose spec says `schema: ID`, that schema.
    public AvroEvent(@Nullable Schema reader) {
        this.reader = reader;
    }

    public AvroEvent of(IndexedRecord record) {
        this.record = record;
        return this;
    }

    private static FieldPath path(String field) {
        return FieldPath.parsedOrName(field);
    }

    private void read(Group group, IndexedRecord record) {
        FieldPlan plan = group.plans.get(record.getSchema());
        if (plan == null) {
            plan = FieldPlan.of(record.getSchema(), reader, group.paths);
            group.plans.put(record.getSchema(), plan);
        }
        group.values.begin();
        RecordWalk.read(plan, record, group.values);
        unknownField = plan.lacking();
    }

    /// Of the fields that were asked for last.
    @Override
    public @Nullable UnknownField unknownField() {
        return unknownField;
    }

    @Override
    public @Nullable Object get(String field) {
        IndexedRecord current = record;
        if (current == null) {
            return null;
        }
        Group group = single.computeIfAbsent(field, one -> new Group(List.of(one)));
        read(group, current);
        return FieldValues.copy(group.values.get(field));
    }

    /// A list that is passed again, as a Featurizer does, is looked up once per schema.
    @Override
    public void get(List<String> fields, @Nullable Object[] values) {
        IndexedRecord current = record;
        if (current == null) {
            Arrays.fill(values, 0, fields.size(), null);
            return;
        }
        if (fields != list) {
            list = fields;
            listed = new Group(fields);
        }
        read(listed, current);
        listed.values.get(fields, values);
    }
}
