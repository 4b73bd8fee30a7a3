package vigie.peers;

import java.io.IOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Counts as many events as it is told to, writes how far it is and what it counted, and ends. */
public final class Peer {
  private static final long REPORT_MS = 100;

  private final AtomicLong done = new AtomicLong();
  private final String prefix = told("PREFIX");
  private final long events = Long.parseLong(told("EVENTS"));

  public static void main(String[] arguments) throws Exception {
    new Peer().run();
  }

  private static String told(String name) {
    return System.getenv("PEER_" + name);
  }

  private void run() throws IOException, InterruptedException {
    KafkaStreams streams = new KafkaStreams(topology(), settings());
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
    streams.start();
    try (Writer progress = Files.newBufferedWriter(Path.of(told("PROGRESS")))) {
      while (note(progress) < events) {
        Thread.sleep(REPORT_MS);
      }
    }
    write(streams, Path.of(told("RESULT")));
    streams.close();
  }

  private Topology topology() {
    Map<String, Byte> flowOfTopic = new HashMap<>();
    for (byte flow = 0; flow < Events.FLOWS.length; flow++) {
      flowOfTopic.put(prefix + Events.FLOWS[flow], flow);
    }
    boolean inRocksDb = "rocksdb".equals(System.getenv("PEER_STORE"));
    Topology topology = new Topology();
    topology.addSource(
        "events",
        new ByteArrayDeserializer(),
        new Events(
            Path.of(told("SCHEMAS")), prefix, "whole".equals(System.getenv("PEER_DECODE"))),
        flowOfTopic.keySet().toArray(String[]::new));
    topology.addProcessor("counting", () -> new Counting(flowOfTopic, done), "events");
    // A minute's cell is written many times: the cache lets its last value alone into the changelog.
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                supplier(Counting.MINUTES, inRocksDb), Serdes.Bytes(), Serdes.Long())
            .withCachingEnabled(),
        "counting");
    // A patient is written once: a cache in front of it would be one more copy.
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
            supplier(Counting.PATIENTS, inRocksDb), Serdes.Bytes(), Serdes.ByteArray()),
        "counting");
    return topology;
  }

  private static KeyValueBytesStoreSupplier supplier(String name, boolean inRocksDb) {
    return inRocksDb
        ? Stores.persistentKeyValueStore(name)
        : Stores.inMemoryKeyValueStore(name);
  }

  private Properties settings() {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, told("GROUP"));
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told("BOOTSTRAP"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, told("STATE"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
    settings.put(StreamsConfig.ENABLE_METRICS_PUSH_CONFIG, false);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 10_000);
    settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4_194_304);
    settings.put(ConsumerConfig.CHECK_CRCS_CONFIG, false);
    return settings;
  }

  /** One line: monotonic seconds, CPU seconds, peak RSS bytes, events. */
  private long note(Writer progress) throws IOException {
    long count = done.get();
    var machine =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    progress.write(
        String.format(
            "%.6f %.6f %d %d%n",
            System.nanoTime() / 1e9, machine.getProcessCpuTime() / 1e9, peakBytes(), count));
    progress.flush();
    return count;
  }

  private static long peakBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return 0;
  }

  private void write(KafkaStreams streams, Path path) throws IOException {
    Map<String, Long> minutes = new HashMap<>();
    try (KeyValueIterator<Bytes, Long> all = this.<Long>store(streams, Counting.MINUTES).all()) {
      all.forEachRemaining(
          cell -> {
            ByteBuffer key = ByteBuffer.wrap(cell.key.get());
            minutes.merge(key.getLong() + "|" + rest(key), cell.value, Long::sum);
          });
    }
    Map<String, Long> patients = new HashMap<>();
    try (KeyValueIterator<Bytes, byte[]> all =
        this.<byte[]>store(streams, Counting.PATIENTS).all()) {
      all.forEachRemaining(
          cell -> {
            ByteBuffer key = ByteBuffer.wrap(cell.key.get());
            String account = key.getInt() + "|" + rest(key);
            patients.merge(account.substring(0, account.lastIndexOf('|')), 1L, Long::sum);
          });
    }
    Path partial = path.resolveSibling(path.getFileName() + ".partial");
    try (Writer json = Files.newBufferedWriter(partial)) {
      json.write("{\"events\": " + done.get() + ", \"minutes\": ");
      writeCounts(json, minutes);
      json.write(", \"patients\": ");
      writeCounts(json, patients);
      json.write("}");
    }
    Files.move(partial, path);
  }

  private <V> ReadOnlyKeyValueStore<Bytes, V> store(KafkaStreams streams, String name) {
    return streams.store(
        StoreQueryParameters.fromNameAndType(name, QueryableStoreTypes.<Bytes, V>keyValueStore()));
  }

  private static String rest(ByteBuffer key) {
    String flow = Events.FLOWS[key.get()];
    return flow + "|" + StandardCharsets.UTF_8.decode(key);
  }

  private static void writeCounts(Writer json, Map<String, Long> counts) throws IOException {
    String before = "{";
    for (Map.Entry<String, Long> one : counts.entrySet()) {
      json.write(before + "\"" + one.getKey() + "\": " + one.getValue());
      before = ", ";
    }
    json.write(counts.isEmpty() ? "{}" : "}");
  }
}
