package io.tidegrad.trainer.publish;

import io.tidegrad.engine.model.Inspection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.DeadUnits;
import io.tidegrad.schemas.LearnerHealth;
import io.tidegrad.schemas.MemberWeight;
import io.tidegrad.schemas.TensorHealth;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a network is like inside, as progress has it, with the spec's words for places.
final class AvroInspection {
    /// What stands between the engine's word for a place and the spec's.
    private static final String SAME = " = ";

    private static final String STACKED = "stacked";

    private final ModelSpec spec;
    private final List<String> members;

    private AvroInspection(ModelSpec spec) {
        this.spec = spec;
        members = spec.memberNames();
    }

    static LearnerHealth of(Inspection inspection, ModelSpec spec) {
        return new AvroInspection(spec).learner(inspection);
    }

    private LearnerHealth learner(Inspection of) {
        return LearnerHealth.newBuilder().setUpdates(Math.max(0, of.updates()))
                .setTensors(of.tensors().stream().map(this::tensor).toList()).setTensorsLeftOut(of.tensorsLeftOut())
                .setLayers(of.layers().stream().map(this::layer).toList()).setLayersLeftOut(of.layersLeftOut())
                .setPortfolio(of.mixtures().isEmpty() ? List.of() : portfolio(of.mixtures().getFirst())).build();
    }

    private TensorHealth tensor(Inspection.Weights of) {
        return TensorHealth.newBuilder().setName(of.name()).setPlace(place("layer " + of.name(), of.member()))
                .setWeights(of.weights()).setRead(of.read()).setNotFinite(of.notFinite()).setNorm(of.norm())
                .setStep(number(of.step())).setChange(number(of.change())).setLeast(of.least()).setMost(of.most())
                .setHistogram(of.histogram()).setRate(number(of.rate())).build();
    }

    private DeadUnits layer(Inspection.Units of) {
        return DeadUnits.newBuilder().setLayer(of.place()).setPlace(place(of.place(), of.member())).setUnits(of.units())
                .setDead(of.dead()).setRows(of.rows()).build();
    }

    private List<MemberWeight> portfolio(Inspection.Mix of) {
        List<MemberWeight> weights = new ArrayList<>();
        for (int m = 0; m < of.shares().size(); m++) {
            boolean stacked = of.stacked() && m == of.shares().size() - 1;
            weights.add(new MemberWeight(stacked ? STACKED : members.get(m), of.shares().get(m)));
        }
        return weights;
    }

    private String place(String layer, int member) {
        if (member != Inspection.NO_MEMBER) {
            return members.get(member);
        }
        String place = spec.placeInNetwork(layer);
        return place.startsWith(SAME) ? place.substring(SAME.length()) : place;
    }

    private static @Nullable Double number(double value) {
        return Double.isNaN(value) ? null : value;
    }
}
