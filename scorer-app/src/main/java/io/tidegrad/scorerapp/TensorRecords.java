package io.tidegrad.scorerapp;

import io.tidegrad.model.feature.Event;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Turns tensors into events: record i has the i-th value, or list of values, of each tensor. What a value means and
/// whether a field may be missing is decided only by the featurizer, as for a record of `/v1`.
///
/// @param passedOver which names that no feature reads are ignored instead of refused
record TensorRecords(RecordFields fields, Predicate<String> passedOver) {
    /// The values of a field in all records.
    ///
    /// @param values row-major, `width` for each record
    /// @param isList whether a record's value is their list
    private record Column(List<Object> values, int width, boolean isList) {
        Object at(int record) {
            return isList ? values.subList(record * width, (record + 1) * width) : values.get(record);
        }
    }

    private record ColumnEvent(Map<String, Column> columns, int record) implements Event {
        @Override
        public @Nullable Object get(String field) {
            Column column = columns.get(field);
            return column == null ? null : column.at(record);
        }
    }

    /// @param inputs at least one
    /// @throws HttpProblem 400 for a name that no feature reads or that occurs twice, for tensors with different
    ///     numbers of records, and for several values of a record if a field holds one
    List<Event> read(List<Tensor> inputs) {
        Map<String, Column> columns = new HashMap<>();
        Set<String> names = new HashSet<>();
        Tensor first = inputs.getFirst();
        for (Tensor input : inputs) {
            if (!fields.isKnown(input.name()) && !passedOver.test(input.name())) {
                throw fields.unknown(input.name(), HttpProblem.NO_RECORD);
            }
            if (!names.add(input.name())) {
                throw Tensor.problem(input.name(), "expected one tensor of a name, found another");
            }
            if (input.shape().records() != first.shape().records()) {
                throw Tensor.problem(input.name(), "expected as many records as " + Tensor.input(first.name()) + ", "
                        + first.shape().records() + ", found shape " + input.shape());
            }
            TensorInfo info = fields.input(input.name());
            if (info != null) {
                columns.put(input.name(), column(input, info));
            }
        }
        List<Event> events = new ArrayList<>(first.shape().records());
        for (int record = 0; record < first.shape().records(); record++) {
            events.add(new ColumnEvent(columns, record));
        }
        return events;
    }

    private Column column(Tensor input, TensorInfo info) {
        boolean isText = input.type() == TensorType.BYTES;
        // Pixels as bytes are a single value.
        boolean isList = info.holdsLists() && !(isText && fields.isPixels(input.name()));
        int width = input.shape().width();
        if (!isList && width > 1) {
            throw Tensor.problem(input.name(),
                    "shape: expected one value a record, [" + input.shape().records() + "], found " + input.shape());
        }
        if (!isText) {
            return new Column(input.values(), width, isList);
        }
        List<Object> values = new ArrayList<>(input.values().size());
        for (Object value : input.values()) {
            int record = values.size() / width;
            values.add(value instanceof byte[] bytes ? fields.bytes(bytes, input.name(), record)
                    : fields.text((String) value, input.name(), record));
        }
        return new Column(values, width, isList);
    }
}
