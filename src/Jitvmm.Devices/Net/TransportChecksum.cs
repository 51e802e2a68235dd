using System.Buffers.Binary;

namespace Jitvmm.Devices.Net;

/// <summary>Fills in the checksum of TCP or UDP over IPv4 (RFC 9293, 3.1; RFC 768) that a guest left to its network card.</summary>
public static class TransportChecksum
{
    private const int EthernetLength = 14;
    private const int TagLength = 4;
    private const ushort Tagged = 0x8100;
    private const ushort Version4 = 0x0800;
    private const int SmallestHeader = 20;
    private const ushort MoreOrOffset = 0x3fff;
    private const byte Tcp = 6;
    private const byte Udp = 17;

    /// <param name="frame">An Ethernet frame, any bytes: what is no such packet, or only a piece of one, stays as it is.</param>
    public static void Complete(Span<byte> frame)
    {
        int at = EthernetLength;
        if (frame.Length >= EthernetLength + TagLength && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == Tagged)
        {
            at += TagLength;
        }

        if (frame.Length < at + SmallestHeader || BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]) != Version4 || frame[at] >> 4 != 4)
        {
            return;
        }

        Span<byte> packet = frame[at..];
        int header = (packet[0] & 15) * 4;
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        byte protocol = packet[9];
        if (header < SmallestHeader || length < header || length > packet.Length || (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & MoreOrOffset) != 0)
        {
            return;
        }

        Span<byte> segment = packet[header..length];
        int field = protocol == Tcp ? 16 : 6;
        if (protocol is not (Tcp or Udp) || segment.Length < field + 2)
        {
            return;
        }

        segment.Slice(field, 2).Clear();
        ulong sum = Sum(packet.Slice(12, 8)) + protocol + (ulong)segment.Length + Sum(segment);
        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }

        // Of UDP, a checksum of zero says that there is none.
        ushort checksum = (ushort)~sum;
        BinaryPrimitives.WriteUInt16BigEndian(segment[field..], checksum == 0 && protocol == Udp ? ushort.MaxValue : checksum);
    }

    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
    }
}
