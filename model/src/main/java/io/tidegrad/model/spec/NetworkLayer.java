package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One entry of a spec's `network`, as the user wrote it. What it reads of the row it knows by the names of fields
/// only; `NetworkBinding` makes an engine's layer of it, which knows columns.
public sealed interface NetworkLayer {
    /// An engine's layer that holds no others, perhaps at a rate of its own, or with a bound on its steps.
    record Single(Layer layer) implements NetworkLayer {
        /// Without its rate and bound.
        Layer plain() {
            return rated() instanceof InputBound(double bound, Layer inner) ? inner : rated();
        }

        private Layer rated() {
            return layer instanceof Rate(double factor, Layer inner) ? inner : layer;
        }

        /// Null for none.
        @Nullable
        Double inputBound() {
            return rated() instanceof InputBound(double bound, Layer inner) ? bound : null;
        }

        double rateFactor() {
            return layer instanceof Rate(double factor, Layer inner) ? factor : 1;
        }
    }

    /// `features: [distance, [origin, destination]]`: what these features make of the row, side by side as in the
    /// spec's list of features. Only where the row itself is read.
    ///
    /// @param selected the fields of each feature: several are those of a cross
    record Features(List<List<String>> selected) implements NetworkLayer {
        public Features {
            selected = selected.stream().map(List::copyOf).toList();
        }
    }

    /// `branches: [[…], […]]`: all read the same, their outputs lie side by side. An empty one passes on what it reads.
    record Branches(List<List<NetworkLayer>> branches) implements NetworkLayer {
        public Branches {
            branches = branches.stream().map(List::copyOf).toList();
        }
    }

    /// `residual: […]`: what it reads plus what its layers make of it.
    record Residual(List<NetworkLayer> layers) implements NetworkLayer {
        public Residual {
            layers = List.copyOf(layers);
        }
    }

    /// `rnn`, `gru`, `lstm`.
    ///
    /// @param layer of whole sequences, from a state of 0
    /// @param lengths the field of the feature that says how long a row's sequence is; null: all have all steps
    /// @param initial what computes the state to start from, out of the row; empty for 0
    record Steps(Recurrent layer, double rateFactor, @Nullable String lengths,
            List<NetworkLayer> initial) implements NetworkLayer {
        public Steps {
            initial = List.copyOf(initial);
        }

        Steps withRate(double factor) {
            return new Steps(layer, factor, lengths, initial);
        }
    }
}
