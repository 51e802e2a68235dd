using System.Buffers.Binary;
using Jitvmm.Devices.Firmware;

namespace Jitvmm.Devices.Loading;

/// <summary>
/// A Linux kernel image, bzImage (Documentation/arch/x86/boot.rst): entered at its 64-bit entry point, or at the 32-bit one when it has no other.
/// The image decompresses itself.
/// </summary>
internal static class LinuxKernel
{
    private const int HeaderStart = 0x1f1;
    private const int ZeroPageSize = 4096;
    private const int OldestProtocol = 0x0206;
    private const byte LoadedHigh = 1;
    private const ushort Has64BitEntry = 1;
    private const ulong DefaultLoadAddress = 0x100000;

    /// <summary>Whether a file is a Linux boot image.</summary>
    public static bool Recognizes(ReadOnlySpan<byte> file) =>
        file.Length > 0x268 && U16(file, 0x1fe) == 0xaa55 && U32(file, 0x202) == 0x53726448;

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    /// <summary>Loads the image with its parameters.</summary>
    /// <exception cref="BootException">It is not a bzImage, too old, or does not fit.</exception>
    public static BootEntry Load(BootMemory memory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> initrd, string commandLine)
    {
        int protocol = U16(file, 0x206);
        if (protocol < OldestProtocol || (file[0x211] & LoadedHigh) == 0)
        {
            throw new BootException($"the kernel uses boot protocol {protocol >> 8}.{protocol & 0xff:d2}; 2.06 with a high-loaded image is the oldest supported");
        }

        bool is64Bit = protocol >= 0x020c && (U16(file, 0x236) & Has64BitEntry) != 0;
        if (!is64Bit && U32(file, 0x214) == 0)
        {
            throw new BootException("this image needs a BIOS: it has no entry point but its 16-bit setup code (boot it from a disk, with --bios)");
        }

        int setupSectors = file[HeaderStart] == 0 ? 4 : file[HeaderStart];
        int setupSize = (setupSectors + 1) * 512;
        if (setupSize >= file.Length)
        {
            throw new BootException("the kernel image is cut short");
        }

        ulong address = LoadAddress(file, protocol);
        memory.LoadKernel(address, file[setupSize..], 0);
        if (protocol >= 0x020a)
        {
            memory.ReserveKernel(address + U32(file, 0x260));
            if (memory.KernelEnd > memory.Map.RamBelow4G)
            {
                throw new BootException($"memory is too small: this kernel needs {(memory.KernelEnd + 0xfffff) >> 20} MiB to start (--memory)");
            }
        }

        byte[] zeroPage = ZeroPage(memory, file, address);
        BinaryPrimitives.WriteUInt32LittleEndian(zeroPage.AsSpan(0x228), (uint)memory.LoadCommandLine(commandLine, (int)Math.Min(U32(file, 0x238), 0xffff)));
        if (!initrd.IsEmpty)
        {
            ulong at = memory.LoadInitrd(initrd, Math.Max(U32(file, 0x22c), 0x37ffffff));
            BinaryPrimitives.WriteUInt32LittleEndian(zeroPage.AsSpan(0x218), (uint)at);
            BinaryPrimitives.WriteUInt32LittleEndian(zeroPage.AsSpan(0x21c), (uint)initrd.Length);
        }

        memory.Write(memory.InformationAddress, zeroPage);
        return new BootEntry(is64Bit, is64Bit ? address + 0x200 : address, Rsi: memory.InformationAddress);
    }

    private static ulong LoadAddress(ReadOnlySpan<byte> file, int protocol)
    {
        // pref_address is where a relocatable kernel runs without moving itself first.
        bool isRelocatable = file[0x234] != 0;
        return protocol >= 0x020a && isRelocatable ? U64(file, 0x258) : DefaultLoadAddress;
    }

    /// <summary>boot_params: the image's own header with what a boot loader fills in.</summary>
    private static byte[] ZeroPage(BootMemory memory, ReadOnlySpan<byte> file, ulong address)
    {
        const byte UnknownLoader = 0xff;
        byte[] page = new byte[ZeroPageSize];
        int headerEnd = Math.Min(0x202 + file[0x201], 0x290);
        file[HeaderStart..headerEnd].CopyTo(page.AsSpan(HeaderStart));
        page[0x210] = UnknownLoader;
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(0x1fa), 0xffff);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x214), (uint)address);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(0x70), AcpiTables.RootPointer);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(0x1e0), (uint)((memory.Map.RamBelow4G - AddressMap.OneMegabyte) >> 10));
        page[0x1e8] = (byte)memory.Map.Ranges.Count;
        int entry = 0x2d0;
        foreach (MemoryRange range in memory.Map.Ranges)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(entry), range.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(entry + 8), range.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(entry + 16), range.Type);
            entry += 20;
        }

        return page;
    }
}
