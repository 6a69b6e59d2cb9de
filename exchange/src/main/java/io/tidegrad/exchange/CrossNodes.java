package io.tidegrad.exchange;

import static io.tidegrad.exchange.OnnxGraph.attribute;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.model.Parameters;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Translates `LearnedCross`: what it reads of other layers is constants, and MurmurHash3 is computed in whole numbers of 64
/// bits, each from 0 to below 2^32, because the operators of `OnnxExport.OPSET` have no bits.
record CrossNodes(OnnxGraph graph, Parameters parameters, LayerNodes layers) {
    private static final long HALF = 1L << 16;
    private static final long WHOLE = 1L << 32;

    String of(LearnedCross cross, String path) {
        String hash = scrambled(path, unsigned(path, layers.slice(path, LayerNodes.IDS, cross.hashAt(), 1)));
        hash = mixed(path, hash);
        for (LearnedCross.Part part : cross.parts()) {
            hash = mixed(path, xor(path, hash, scrambled(path, word(part, path))));
        }
        hash = xor(path, hash, constant(path, Integer.BYTES * (1L + cross.parts().size())));
        hash = times(path, xor(path, hash, shifted(path, hash, 16)), 0x85ebca6bL);
        hash = times(path, xor(path, hash, shifted(path, hash, 13)), 0xc2b2ae35L);
        hash = xor(path, hash, shifted(path, hash, 16));
        String id = calculated(path, "Mod", hash, cross.buckets());
        String weight = LayerNodes.child(path, "weight");
        String table = graph.floats(weight, parameters.weights(weight), cross.buckets(), cross.dimension());
        return layers.reshape(path, graph.node(path, "Gather", List.of(table, id), attribute("axis", 0L)),
                List.of(cross.dimension()));
    }

    private String word(LearnedCross.Part part, String path) {
        return switch (part) {
            case LearnedCross.Part.Bucket(int numberAt, int missingAt, int of) -> {
                Place place = place(path, layer -> layer instanceof Quantiles quantiles && quantiles.numberAt() == of);
                yield layers.bucket((Quantiles) place.layer, place.path, path, numberAt, missingAt);
            }
            case LearnedCross.Part.Value(int keyAt, int of) -> {
                Place place = place(path, layer -> layer instanceof Vocabulary vocabulary && vocabulary.keyAt() == of);
                String row = layers.rowOfValue((Vocabulary) place.layer, place.path, path, keyAt);
                String isKnown = graph.node(path, "Greater", List.of(row, constant(path, 0)));
                String first = unsigned(path, layers.slice(path, LayerNodes.IDS, keyAt, 1));
                yield graph.node(path, "Where", List.of(isKnown, first, constant(path, 0)));
            }
        };
    }

    private record Place(String path, Layer layer) {
    }

    /// Where the engine finds what a cross at `path` reads: the first such layer, in a mixture's member of that member.
    private Place place(String path, Predicate<Layer> isWanted) {
        Place member = member(new Place("", parameters.plan().beforeLoss()), path);
        Place found = first(member, isWanted);
        if (found == null) {
            throw new IllegalStateException("layer " + path + ": no layer has learned what it reads");
        }
        return found;
    }

    /// The innermost member of a mixture that has the layer at `path`; without a mixture the network.
    private static Place member(Place at, String path) {
        Place member = at;
        for (Place inner : inner(at)) {
            if (path.equals(inner.path) || path.startsWith(inner.path + ".") || inner.path.equals(at.path)) {
                Place of = member(inner, path);
                if (at.layer instanceof Mixture || of != inner) {
                    member = of;
                }
            }
        }
        return member;
    }

    private static @Nullable Place first(Place at, Predicate<Layer> isWanted) {
        if (isWanted.test(at.layer)) {
            return at;
        }
        for (Place inner : at.layer instanceof Mixture ? List.<Place>of() : inner(at)) {
            Place found = first(inner, isWanted);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static List<Place> inner(Place at) {
        List<Layer> inner = at.layer.layers();
        return IntStream.range(0, inner.size()).mapToObj(i -> new Place(at.layer.place(at.path, i), inner.get(i)))
                .toList();
    }

    private String scrambled(String path, String word) {
        return times(path, rotated(path, times(path, word, 0xcc9e2d51L), 15), 0x1b873593L);
    }

    private String mixed(String path, String hash) {
        String five = calculated(path, "Mul", rotated(path, hash, 13), 5);
        return unsigned(path, calculated(path, "Add", five, 0xe6546b64L));
    }

    private String unsigned(String path, String x) {
        return calculated(path, "Mod", x, WHOLE);
    }

    /// A product modulo 2^32, from those of 16 bits, because one of 32 bits does not fit.
    private String times(String path, String x, long factor) {
        String low = calculated(path, "Mul", calculated(path, "Mod", x, HALF), factor);
        String high = calculated(path, "Mul", calculated(path, "Div", x, HALF), factor);
        String lifted = calculated(path, "Mul", calculated(path, "Mod", high, HALF), HALF);
        return unsigned(path, graph.node(path, "Add", List.of(low, lifted)));
    }

    private String rotated(String path, String x, int bits) {
        String left = unsigned(path, calculated(path, "Mul", x, 1L << bits));
        return graph.node(path, "Add", List.of(left, shifted(path, x, Integer.SIZE - bits)));
    }

    private String shifted(String path, String x, int bits) {
        return calculated(path, "Div", x, 1L << bits);
    }

    /// Of all bits side by side: those that differ.
    private String xor(String path, String x, String y) {
        long[] powers = new long[Integer.SIZE];
        for (int bit = 0; bit < powers.length; bit++) {
            powers[bit] = 1L << bit;
        }
        String places = graph.longs(path + "/powers", powers);
        String bitsOfX = calculated(path, "Mod", graph.node(path, "Div", List.of(x, places)), 2);
        String bitsOfY = calculated(path, "Mod", graph.node(path, "Div", List.of(y, places)), 2);
        String differ = calculated(path, "Mod", graph.node(path, "Add", List.of(bitsOfX, bitsOfY)), 2);
        return graph.node(path, "ReduceSum",
                List.of(graph.node(path, "Mul", List.of(differ, places)), graph.longs(path + "/each", 1)));
    }

    private String calculated(String path, String operator, String x, long y) {
        return graph.node(path, operator, List.of(x, constant(path, y)));
    }

    private String constant(String path, long value) {
        return graph.longs(path + "/constant", value);
    }
}
