using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// Stores. Those to memory return whether they wrote: an unmasked invalid, overflow or underflow exception leaves memory alone.
public static unsafe partial class X87
{
    /// <summary>Exceptions that, unmasked, keep a result out of memory (SDM vol. 1, 8.5.4 and 8.5.5).</summary>
    private const uint StoreBlocking = X87Context.PreComputation | X87Context.Overflow | X87Context.Underflow;

    public static bool FstM32(CpuState* cpu, byte* destination)
    {
        X87Context context = new(cpu->X87.ControlWord);
        uint value = 0xffc00000;
        if (IsEmpty(cpu, 0))
        {
            context.Flags = StackUnderflow;
        }
        else
        {
            value = Float80.ToSingleBits(Read(cpu, 0), ref context);
        }

        if (context.IsUnmasked(context.Flags & StoreBlocking))
        {
            return BlockStore(cpu, in context);
        }

        Unsafe.WriteUnaligned(destination, value);
        Report(cpu, in context);
        return true;
    }

    public static bool FstM64(CpuState* cpu, byte* destination)
    {
        X87Context context = new(cpu->X87.ControlWord);
        ulong value = 0xfff8000000000000;
        if (IsEmpty(cpu, 0))
        {
            context.Flags = StackUnderflow;
        }
        else
        {
            value = Float80.ToDoubleBits(Read(cpu, 0), ref context);
        }

        if (context.IsUnmasked(context.Flags & StoreBlocking))
        {
            return BlockStore(cpu, in context);
        }

        Unsafe.WriteUnaligned(destination, value);
        Report(cpu, in context);
        return true;
    }

    public static bool FstpM32(CpuState* cpu, byte* destination) => PopIf(cpu, FstM32(cpu, destination));

    public static bool FstpM64(CpuState* cpu, byte* destination) => PopIf(cpu, FstM64(cpu, destination));

    /// <summary>FSTP m80: ten bytes, whatever the register holds.</summary>
    public static bool FstpM80(CpuState* cpu, byte* destination)
    {
        X87Context context = new(cpu->X87.ControlWord);
        Float80 value = Read(cpu, 0);
        if (IsEmpty(cpu, 0))
        {
            context.Flags = StackUnderflow;
            value = Float80.Indefinite;
            if (context.IsUnmasked(X87Context.Invalid))
            {
                return BlockStore(cpu, in context);
            }
        }

        WriteExtended(destination, value);
        Report(cpu, in context);
        Pop(cpu);
        return true;
    }

    /// <summary>FST ST(i).</summary>
    public static void FstSt(CpuState* cpu, int destination)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, destination, pops: false);
            return;
        }

        Report(cpu, 0, X87Context.C1);
        Write(cpu, destination, Read(cpu, 0));
    }

    /// <summary>FSTP ST(i).</summary>
    public static void FstpSt(CpuState* cpu, int destination)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, destination, pops: true);
            return;
        }

        Report(cpu, 0, X87Context.C1);
        Write(cpu, destination, Read(cpu, 0));
        Pop(cpu);
    }

    /// <summary>FSTPNCE (D9 D8+i, undocumented): FSTP ST(i) that checks for no empty register; an empty ST(0) is only popped.</summary>
    public static void Fstpnce(CpuState* cpu, int destination)
    {
        Report(cpu, 0, X87Context.C1);
        if (!IsEmpty(cpu, 0))
        {
            Write(cpu, destination, Read(cpu, 0));
        }

        Pop(cpu);
    }

    public static bool FistM16(CpuState* cpu, byte* destination) => StoreInteger(cpu, destination, 16, cpu->X87.ControlWord);

    public static bool FistM32(CpuState* cpu, byte* destination) => StoreInteger(cpu, destination, 32, cpu->X87.ControlWord);

    public static bool FistpM16(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 16, cpu->X87.ControlWord));

    public static bool FistpM32(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 32, cpu->X87.ControlWord));

    public static bool FistpM64(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 64, cpu->X87.ControlWord));

    public static bool FisttpM16(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 16, Truncating(cpu)));

    public static bool FisttpM32(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 32, Truncating(cpu)));

    public static bool FisttpM64(CpuState* cpu, byte* destination) =>
        PopIf(cpu, StoreInteger(cpu, destination, 64, Truncating(cpu)));

    /// <summary>FBSTP: ten bytes of packed decimal.</summary>
    public static bool Fbstp(CpuState* cpu, byte* destination)
    {
        X87Context context = new(cpu->X87.ControlWord);
        byte* image = stackalloc byte[16];
        bool isEmpty = IsEmpty(cpu, 0);
        Float80.ToPackedBcd(isEmpty ? Float80.Indefinite : Read(cpu, 0), image, ref context);
        if (isEmpty)
        {
            context.Flags = StackUnderflow;
        }

        if (context.IsUnmasked(context.Flags & StoreBlocking))
        {
            return BlockStore(cpu, in context);
        }

        WriteExtended(destination, ReadExtended(image));
        Report(cpu, in context);
        Pop(cpu);
        return true;
    }

    private static uint Truncating(CpuState* cpu) => cpu->X87.ControlWord | (X87Context.RoundTowardZero << 10);

    private static bool StoreInteger(CpuState* cpu, byte* destination, int bits, uint control)
    {
        X87Context context = new(control);
        long value = long.MinValue >> (64 - bits);
        if (IsEmpty(cpu, 0))
        {
            context.Flags = StackUnderflow;
        }
        else
        {
            value = Float80.ToInteger(Read(cpu, 0), bits, ref context);
        }

        if (context.IsUnmasked(context.Flags & StoreBlocking))
        {
            return BlockStore(cpu, in context);
        }

        switch (bits)
        {
            case 16:
                Unsafe.WriteUnaligned(destination, (short)value);
                break;
            case 32:
                Unsafe.WriteUnaligned(destination, (int)value);
                break;
            default:
                Unsafe.WriteUnaligned(destination, value);
                break;
        }

        Report(cpu, in context);
        return true;
    }

    private static bool BlockStore(CpuState* cpu, in X87Context context)
    {
        Report(cpu, in context);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool PopIf(CpuState* cpu, bool stored)
    {
        if (stored)
        {
            Pop(cpu);
        }

        return stored;
    }
}
