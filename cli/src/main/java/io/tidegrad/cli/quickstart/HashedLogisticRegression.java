package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.Flight;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/// The baseline for the network: logistic regression by stochastic gradient descent, one flight a step, on hashed one-hot
/// features. All weights begin at 0.
///
/// p = 1 / (1 + e^-z), z = b + Σ w[f] over the features of the flight; then w[f] -= rate (p - y) for each of them and
/// b.
///
/// The features are hour, weekday, origin, destination, route, and distance in steps of 250 miles; a feature's place in
/// the table is the CRC-32C of its text, modulo the table's size. It is plain scalar code and shares nothing with the engine
/// that it judges.
final class HashedLogisticRegression {
    static final double RATE = 0.05;
    private static final int TABLE = 1 << 18;
    private static final int DISTANCE_STEP = 250;
    private static final long MINUTES_A_DAY = 24 * 60;

    private final double[] weights = new double[TABLE];
    private final int[] features = new int[6];
    private double bias;

    /// Returns the probability that the flight is late, and then learns whether it was.
    double learn(Flight flight) {
        hash(flight);
        double z = bias;
        for (int feature : features) {
            z += weights[feature];
        }
        double probability = 1 / (1 + Math.exp(-z));
        double step = RATE * (probability - (flight.late() ? 1 : 0));
        bias -= step;
        for (int feature : features) {
            weights[feature] -= step;
        }
        return probability;
    }

    private void hash(Flight flight) {
        long minute = flight.departed() / 60_000;
        long day = minute / MINUTES_A_DAY;
        features[0] = place("hour=" + minute % MINUTES_A_DAY / 60);
        features[1] = place("weekday=" + day % 7);
        features[2] = place("origin=" + flight.origin());
        features[3] = place("destination=" + flight.destination());
        features[4] = place("route=" + flight.origin() + "-" + flight.destination());
        features[5] = place("distance=" + flight.distance() / DISTANCE_STEP);
    }

    private static int place(String feature) {
        CRC32C hash = new CRC32C();
        hash.update(feature.getBytes(StandardCharsets.US_ASCII));
        return (int) (hash.getValue() % TABLE);
    }
}
