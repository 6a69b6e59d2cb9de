package io.tidegrad.loadtests;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import javax.management.InstanceNotFoundException;
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
/// @param writtenToOne to the topic that was asked about
record BrokerBytes(double written, double read, double writtenToOne) {
    private static final String METERS = "kafka.server:type=BrokerTopicMetrics,name=";

    /// @param topic 0 is told of one to which nothing was written
    /// @throws LoadTestException the process can't be asked, or is no broker
    @SuppressWarnings("BanJNDI") // the address is that of a process which this load test has started
    static BrokerBytes of(long pid, String topic) {
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address(pid)))) {
            MBeanServerConnection broker = connector.getMBeanServerConnection();
            return new BrokerBytes(count(broker, "BytesInPerSec"), count(broker, "BytesOutPerSec"),
                    countOrNone(broker, "BytesInPerSec,topic=" + topic));
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

    private static double count(MBeanServerConnection broker, String meter) throws IOException, JMException {
        return ((Number) broker.getAttribute(new ObjectName(METERS + meter), "Count")).doubleValue();
    }

    private static double countOrNone(MBeanServerConnection broker, String meter) throws IOException, JMException {
        try {
            return count(broker, meter);
        } catch (InstanceNotFoundException nothingWritten) {
            return 0;
        }
    }

    BrokerBytes since(BrokerBytes before) {
        return new BrokerBytes(written - before.written, read - before.read, writtenToOne - before.writtenToOne);
    }
}
