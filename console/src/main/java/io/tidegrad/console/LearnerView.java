package io.tidegrad.console;

import io.tidegrad.schemas.DeadUnits;
import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.TensorHealth;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The learner's health as the page gets it. A trainer tells few tensors; whoever writes more is cut.
final class LearnerView {
    private static final int ROWS_MAX = 64;
    private static final int BINS_MAX = 16;

    private LearnerView() {}

    static Map<String, @Nullable Object> of(LearnerHealth health) {
        List<TensorHealth> tensors = health.getTensors();
        List<DeadUnits> layers = health.getLayers();
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("updates", health.getUpdates());
        said.put("tensors", tensors.stream().limit(ROWS_MAX).map(LearnerView::tensor).toList());
        said.put("tensors_left_out", health.getTensorsLeftOut() + Math.max(0, tensors.size() - ROWS_MAX));
        said.put("layers", layers.stream().limit(ROWS_MAX).map(each -> Map.of("layer", each.getLayer(), "place",
                each.getPlace(), "units", each.getUnits(), "dead", each.getDead(), "rows", each.getRows())).toList());
        said.put("layers_left_out", health.getLayersLeftOut() + Math.max(0, layers.size() - ROWS_MAX));
        said.put("portfolio", health.getPortfolio().stream().limit(ROWS_MAX).map(each -> {
            Map<String, @Nullable Object> share = new LinkedHashMap<>();
            share.put("member", each.getMember());
            share.put("weight", finite(each.getWeight()));
            return share;
        }).toList());
        return said;
    }

    private static Map<String, @Nullable Object> tensor(TensorHealth of) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("name", of.getName());
        said.put("place", of.getPlace());
        said.put("weights", of.getWeights());
        said.put("read", of.getRead());
        said.put("not_finite", of.getNotFinite());
        said.put("norm", finite(of.getNorm()));
        said.put("step", finite(of.getStep()));
        said.put("change", finite(of.getChange()));
        said.put("least", finite((double) of.getLeast()));
        said.put("most", finite((double) of.getMost()));
        said.put("histogram", of.getHistogram().stream().limit(BINS_MAX).toList());
        said.put("rate", finite(of.getRate()));
        return said;
    }

    /// JSON has no other numbers.
    private static @Nullable Double finite(@Nullable Double value) {
        return value != null && Double.isFinite(value) ? value : null;
    }
}
