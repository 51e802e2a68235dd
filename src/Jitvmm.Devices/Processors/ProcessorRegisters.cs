using System.Runtime.InteropServices;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Devices.Processors;

/// <summary>The registers of a processor between two instructions, as saved state. What the engine derives from them is not part of it.</summary>
internal static unsafe class ProcessorRegisters
{
    public static void Save(StateWriter writer, CpuState* cpu)
    {
        writer.Section("registers", 3);
        writer.Bytes(new ReadOnlySpan<byte>(cpu->Gpr, 16 * sizeof(ulong)));
        writer.UInt64(cpu->Rip);
        writer.UInt64(cpu->FsBase);
        writer.UInt64(cpu->GsBase);
        writer.UInt64(cpu->ReadFlags());
        writer.UInt32(cpu->Mxcsr);
        writer.Bytes(new ReadOnlySpan<byte>(cpu->Selectors, 6 * sizeof(ushort)));
        writer.Bytes(new ReadOnlySpan<byte>(cpu->Vector, 16 * 32));
        writer.Bytes(new ReadOnlySpan<byte>(&cpu->X87, sizeof(X87State)));
        writer.Bytes(new ReadOnlySpan<byte>(&cpu->System, SystemBytes(cpu)));
        writer.Int32(cpu->System.NmiBlocked);
        writer.Int32(cpu->System.InterruptShadow);
        writer.UInt64(cpu->System.ShadowedAddress);
        writer.UInt64(cpu->System.DebugHits);
        writer.Bytes(new ReadOnlySpan<byte>(cpu->System.PagePointers, 4 * sizeof(ulong)));
    }

    /// <exception cref="InvalidDataException">These are no registers of this kind of processor.</exception>
    public static void Check(ReadOnlyMemory<byte> saved)
    {
        // SAFETY: zeroed and of the state's size, which is all that restoring writes to; freed on every way out.
        var scratch = (CpuState*)NativeMemory.AllocZeroed((nuint)sizeof(CpuState));
        try
        {
            Restore(new StateReader(saved), scratch);
        }
        finally
        {
            NativeMemory.Free(scratch);
        }
    }

    /// <exception cref="InvalidDataException">These are no registers of this kind of processor.</exception>
    public static void Restore(StateReader reader, CpuState* cpu)
    {
        reader.Section("registers", 3);
        reader.Bytes(new Span<byte>(cpu->Gpr, 16 * sizeof(ulong)));
        cpu->Rip = reader.UInt64();
        cpu->FsBase = reader.UInt64();
        cpu->GsBase = reader.UInt64();
        cpu->WriteFlags(reader.UInt64());
        cpu->Mxcsr = reader.UInt32() & 0xffff;
        reader.Bytes(new Span<byte>(cpu->Selectors, 6 * sizeof(ushort)));
        reader.Bytes(new Span<byte>(cpu->Vector, 16 * 32));
        reader.Bytes(new Span<byte>(&cpu->X87, sizeof(X87State)));
        reader.Bytes(new Span<byte>(&cpu->System, SystemBytes(cpu)));
        cpu->System.NmiBlocked = reader.Int32();
        cpu->System.InterruptShadow = reader.Int32();
        cpu->System.ShadowedAddress = reader.UInt64();
        cpu->System.DebugHits = reader.UInt64();
        reader.Bytes(new Span<byte>(cpu->System.PagePointers, 4 * sizeof(ulong)));

        // Asks the platform again.
        cpu->System.InterruptPending = 1;
    }

    /// <summary>The architecture's registers come first in the state, before what is derived from them.</summary>
    private static int SystemBytes(CpuState* cpu) => (int)((byte*)&cpu->System.PopfMask - (byte*)&cpu->System);
}
