package io.tidegrad.console;

import io.tidegrad.schemas.FieldSignal;
import io.tidegrad.schemas.WatchedField;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Watched fields as the page gets them. A trainer tells few; whoever writes more is cut.
final class FieldsView {
    private static final int ROWS_MAX = 32;

    private FieldsView() {}

    static List<Map<String, @Nullable Object>> of(List<WatchedField> fields) {
        return fields.stream().limit(ROWS_MAX).map(FieldsView::field).toList();
    }

    private static Map<String, @Nullable Object> field(WatchedField of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("field", of.getField());
        said.put("missing", signal(of.getMissing()));
        said.put("unseen", signal(of.getUnseen()));
        said.put("out_of_range", signal(of.getOutOfRange()));
        said.put("shape", signal(of.getShape()));
        said.put("leak", signal(of.getLeak()));
        said.put("median", finite(of.getMedian()));
        said.put("median_before", finite(of.getMedianBefore()));
        said.put("contribution", finite(of.getContribution()));
        return said;
    }

    private static @Nullable Map<String, @Nullable Object> signal(@Nullable FieldSignal of) {
        if (of == null) {
            return null;
        }
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("now", finite(of.getNow()));
        said.put("least", finite(of.getLeast()));
        said.put("most", finite(of.getMost()));
        said.put("lasted", of.getLasted());
        return said;
    }

    /// JSON has no other numbers.
    private static @Nullable Float finite(@Nullable Float value) {
        return value != null && Float.isFinite(value) ? value : null;
    }
}
