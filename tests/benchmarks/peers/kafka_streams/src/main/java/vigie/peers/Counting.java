package vigie.peers;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * One partition's counts. Records are keyed by their structure, so neither count needs a repartition
 * topic: the cells of a minute are added up over the partitions by whoever asks.
 */
final class Counting implements Processor<byte[], GenericRecord, Void, Void> {
  static final String MINUTES = "minutes";
  static final String PATIENTS = "patients";

  private static final long MINUTE_MS = 60_000;
  private static final long HOUR_MS = 3_600_000;
  private static final ZoneId PARIS = ZoneId.of("Europe/Paris");
  private static final byte[] SEEN = {1};

  private final Map<String, Byte> flowOfTopic;
  private final AtomicLong done;
  private final Map<Long, Integer> dayOfHour = new HashMap<>();
  private ProcessorContext<Void, Void> context;
  private KeyValueStore<Bytes, Long> minutes;
  private KeyValueStore<Bytes, byte[]> patients;

  Counting(Map<String, Byte> flowOfTopic, AtomicLong done) {
    this.flowOfTopic = flowOfTopic;
    this.done = done;
  }

  @Override
  public void init(ProcessorContext<Void, Void> own) {
    context = own;
    minutes = own.getStateStore(MINUTES);
    patients = own.getStateStore(PATIENTS);
  }

  @Override
  public void process(Record<byte[], GenericRecord> record) {
    GenericRecord event = record.value();
    byte flow = flowOfTopic.get(context.recordMetadata().orElseThrow().topic());
    long timeMs = (Long) event.get(Events.OCCURRED_AT);
    Bytes minute = minuteKey(timeMs / MINUTE_MS, flow, event);
    Long before = minutes.get(minute);
    minutes.put(minute, before == null ? 1L : before + 1L);
    if (isLook(flow, event)) {
      patients.putIfAbsent(patientKey(timeMs, flow, event), SEEN);
    }
    done.lazySet(done.get() + 1);
  }

  private static boolean isLook(byte flow, GenericRecord event) {
    if (flow < Events.INSI_CALLS
        || event.get(Events.PATIENT) == null
        || "FAILURE".equals(event.get(Events.OUTCOME).toString())) {
      return false;
    }
    String chosen = event.get(Events.CHOSEN_BY).toString();
    return switch (flow) {
      case Events.PLATFORM_ACCESSES -> !"SEARCH_PATIENT".equals(chosen);
      case Events.INSI_CALLS ->
          "RECHERCHE_TRAITS".equals(chosen) && event.get(Events.ACTOR) != null;
      default -> "CONSULTED".equals(chosen) && event.get(Events.ACTOR) != null;
    };
  }

  /** Minute, flow, then `sector|department`. */
  private static Bytes minuteKey(long minute, byte flow, GenericRecord event) {
    byte[] sector = event.get(Events.SECTOR).toString().getBytes(StandardCharsets.US_ASCII);
    Utf8 department = (Utf8) event.get(Events.DEPARTMENT);
    ByteBuffer key = ByteBuffer.allocate(10 + sector.length + department.getByteLength());
    key.putLong(minute).put(flow).put(sector).put((byte) '|');
    key.put(department.getBytes(), 0, department.getByteLength());
    return Bytes.wrap(key.array());
  }

  /** Local day, flow, then `structure|person|patient`. */
  private Bytes patientKey(long timeMs, byte flow, GenericRecord event) {
    Utf8 structure = (Utf8) event.get(Events.STRUCTURE);
    Utf8 actor = (Utf8) event.get(Events.ACTOR);
    Utf8 patient = (Utf8) event.get(Events.PATIENT);
    int actorLength = actor == null ? 0 : actor.getByteLength();
    ByteBuffer key =
        ByteBuffer.allocate(7 + structure.getByteLength() + actorLength + patient.getByteLength());
    key.putInt(day(timeMs)).put(flow);
    key.put(structure.getBytes(), 0, structure.getByteLength()).put((byte) '|');
    if (actor != null) {
      key.put(actor.getBytes(), 0, actorLength);
    }
    key.put((byte) '|').put(patient.getBytes(), 0, patient.getByteLength());
    return Bytes.wrap(key.array());
  }

  private int day(long timeMs) {
    return dayOfHour.computeIfAbsent(
        timeMs / HOUR_MS,
        hour ->
            (int) Instant.ofEpochMilli(hour * HOUR_MS).atZone(PARIS).toLocalDate().toEpochDay());
  }
}
