using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Linux.Signals;

/// <summary>The signals Linux raises for exceptions of the CPU (arch/x86/kernel/traps.c, mm/fault.c), by their documented codes in sigaction(2).</summary>
internal static unsafe class ExceptionSignals
{
    private const int IllegalOperand = 2;
    private const int IntegerDivide = 1;
    private const int FloatDivide = 3;
    private const int FloatOverflow = 4;
    private const int FloatUnderflow = 5;
    private const int FloatInexact = 6;
    private const int FloatInvalid = 7;
    internal const int NotMapped = 1;
    internal const int NoAccess = 2;
    private const int BusAlignment = 1;
    private const int BusAddress = 2;
    private const int TrapTrace = 2;

    public static SignalInfo InfoOf(in CpuException exception, CpuState* cpu, out SignalFault fault)
    {
        fault = new SignalFault((ulong)exception.Vector, exception.ErrorCode, 0);
        ulong rip = cpu->Rip;
        switch (exception.Vector)
        {
            case ExceptionVector.DivideError:
                return Make(Signal.SIGFPE, IntegerDivide, rip);
            case ExceptionVector.Debug:
                return Make(Signal.SIGTRAP, TrapTrace, rip);
            case ExceptionVector.Breakpoint:
                return Make(Signal.SIGTRAP, SignalInfo.Kernel, 0);
            case ExceptionVector.InvalidOpcode:
                return Make(Signal.SIGILL, IllegalOperand, rip);
            case ExceptionVector.PageFault:
                // The kernel reports every user fault with the user bit.
                fault = new SignalFault(14, exception.ErrorCode | 4, exception.Address);
                return exception.IsBusError
                    ? Make(Signal.SIGBUS, BusAddress, exception.Address)
                    : Make(Signal.SIGSEGV, (exception.ErrorCode & 1) != 0 ? NoAccess : NotMapped, exception.Address);
            case ExceptionVector.X87FloatingPoint:
                return Make(Signal.SIGFPE, FloatCode(cpu->X87.StatusWord & ~(uint)cpu->X87.ControlWord), rip);
            case ExceptionVector.SimdFloatingPoint:
                return Make(Signal.SIGFPE, FloatCode(cpu->Mxcsr & ~(cpu->Mxcsr >> 7)), rip);
            case ExceptionVector.AlignmentCheck:
                return Make(Signal.SIGBUS, BusAlignment, 0);
            case ExceptionVector.StackFault:
                return Make(Signal.SIGBUS, SignalInfo.Kernel, 0);
            case ExceptionVector.Overflow:
            case ExceptionVector.BoundRange:
            case ExceptionVector.GeneralProtection:
            default:
                return Make(Signal.SIGSEGV, SignalInfo.Kernel, 0);
        }
    }

    private static SignalInfo Make(int signal, int code, ulong address) => new() { Signal = signal, Code = code, Address = address };

    /// <summary>The code of the first unmasked exception in the kernel's order.</summary>
    private static int FloatCode(uint raised)
    {
        if ((raised & 1) != 0)
        {
            return FloatInvalid;
        }

        if ((raised & 4) != 0)
        {
            return FloatDivide;
        }

        if ((raised & 8) != 0)
        {
            return FloatOverflow;
        }

        return (raised & 0x12) != 0 ? FloatUnderflow : FloatInexact;
    }
}
