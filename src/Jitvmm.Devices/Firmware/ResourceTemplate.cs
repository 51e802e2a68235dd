namespace Jitvmm.Devices.Firmware;

/// <summary>Collects resource descriptors (ACPI 6.5, 6.4) of a device's _CRS.</summary>
internal sealed class ResourceTemplate
{
    private readonly List<byte> _bytes = [];

    /// <summary>The finished buffer, with its end tag.</summary>
    public byte[] Build() => AmlWriter.BufferOf([.. _bytes, 0x79, 0]);

    /// <summary>Fixed I/O ports, 16-bit decoded.</summary>
    public ResourceTemplate Ports(ushort first, byte count)
    {
        _bytes.AddRange([0x47, 1, (byte)first, (byte)(first >> 8), (byte)first, (byte)(first >> 8), 1, count]);
        return this;
    }

    /// <summary>An edge-triggered ISA interrupt.</summary>
    public ResourceTemplate Interrupt(int irq)
    {
        int mask = 1 << irq;
        _bytes.AddRange([0x22, (byte)mask, (byte)(mask >> 8)]);
        return this;
    }

    public ResourceTemplate FixedMemory(uint address, uint length)
    {
        _bytes.AddRange([0x86, 9, 0, 1, .. BitConverter.GetBytes(address), .. BitConverter.GetBytes(length)]);
        return this;
    }

    /// <summary>Bus numbers a bridge decodes.</summary>
    public ResourceTemplate BusNumbers(ushort first, ushort last)
    {
        Window16(2, 0, first, last);
        return this;
    }

    /// <summary>Ports a bridge passes on.</summary>
    public ResourceTemplate PortWindow(ushort first, ushort last)
    {
        Window16(1, 3, first, last);
        return this;
    }

    /// <summary>Memory below 4 GiB a bridge passes on.</summary>
    public ResourceTemplate MemoryWindow(uint first, uint last)
    {
        _bytes.AddRange([0x87, 23, 0, 0, 0x0c, 1, 0, 0, 0, 0]);
        _bytes.AddRange([.. BitConverter.GetBytes(first), .. BitConverter.GetBytes(last), 0, 0, 0, 0, .. BitConverter.GetBytes(last - first + 1)]);
        return this;
    }

    public ResourceTemplate MemoryWindow64(ulong first, ulong last)
    {
        _bytes.AddRange([0x8a, 43, 0, 0, 0x0c, 1]);
        foreach (ulong value in (ReadOnlySpan<ulong>)[0, first, last, 0, last - first + 1])
        {
            _bytes.AddRange(BitConverter.GetBytes(value));
        }

        return this;
    }

    // Minimum and maximum are fixed (0Ch), the bridge produces the range.
    private void Window16(byte type, byte typeFlags, ushort first, ushort last)
    {
        _bytes.AddRange([0x88, 13, 0, type, 0x0c, typeFlags]);
        foreach (int value in (ReadOnlySpan<int>)[0, first, last, 0, last - first + 1])
        {
            _bytes.AddRange([(byte)value, (byte)(value >> 8)]);
        }
    }
}
