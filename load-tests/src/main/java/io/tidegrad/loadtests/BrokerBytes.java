package io.tidegrad.loadtests;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/// What a broker has counted since it began: bytes of batches of records, as they lie in the log.
///
/// @param written to all topics
/// @param read from all topics
/// @param writtenTo by topic; without those to which nothing was written
record BrokerBytes(double written, double read, Map<String, Double> writtenTo) {
    /// Of a broker on a runtime that was linked without what JMX needs, such as the image's.
    static final BrokerBytes UNKNOWN = new BrokerBytes(Double.NaN, Double.NaN, Map.of());

    private static final String METERS = "kafka.server:type=BrokerTopicMetrics,name=";
    private static final String WRITTEN = "BytesInPerSec";

    /// @throws LoadTestException the process can't be asked, or is no broker
    @SuppressWarnings("BanJNDI") // the address is that of a process which this load test has started
    static BrokerBytes of(long pid) {
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address(pid)))) {
            MBeanServerConnection broker = connector.getMBeanServerConnection();
            Map<String, Double> writtenTo = new TreeMap<>();
            for (ObjectName each : broker.queryNames(new ObjectName(METERS + WRITTEN + ",topic=*"), null)) {
                writtenTo.put(each.getKeyProperty("topic"), count(broker, each));
            }
            return new BrokerBytes(count(broker, new ObjectName(METERS + WRITTEN)),
                    count(broker, new ObjectName(METERS + "BytesOutPerSec")), writtenTo);
        } catch (IOException | JMException | AttachNotSupportedException e) {
            throw new LoadTestException("expected a broker that tells over JMX what it wrote and sent, found " + e, e);
        }
    }

    /// Of a connector that the process opens for this machine, and keeps.
    private static String address(long pid) throws IOException, AttachNotSupportedException {
        VirtualMachine broker = VirtualMachine.attach(String.valueOf(pid));
        try {
            return broker.startLocalManagementAgent();
        } finally {
            broker.detach();
        }
    }

    private static double count(MBeanServerConnection broker, ObjectName meter) throws IOException, JMException {
        return ((Number) broker.getAttribute(meter, "Count")).doubleValue();
    }

    /// 0 of a topic to which nothing was written.
    double writtenTo(String topic) {
        return Double.isNaN(written) ? Double.NaN : writtenTo.getOrDefault(topic, 0.0);
    }

    BrokerBytes since(BrokerBytes before) {
        Map<String, Double> since = new TreeMap<>();
        writtenTo.forEach((topic, bytes) -> since.put(topic, bytes - before.writtenTo.getOrDefault(topic, 0.0)));
        return new BrokerBytes(written - before.written, read - before.read, since);
    }
}
