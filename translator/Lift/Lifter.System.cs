using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>CPUID, time stamps, random numbers, segment bases, fences, MXCSR, moves of segment registers.</summary>
public sealed partial class Lifter
{
    private bool TrySystem()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Cpuid:
                CallOut(typeof(ProcessorIdentity), nameof(ProcessorIdentity.Cpuid));
                return true;
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                LiftTimeStamp();
                return true;
            case Mnemonic.Rdpid:
                _o.Write(0, _b.Narrow(CallOut(typeof(SystemSemantics), nameof(SystemSemantics.ProcessorId)), _o.Width(0)));
                return true;
            case Mnemonic.Rdrand or Mnemonic.Rdseed:
                _o.Write(0, _b.Narrow(_b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.Random))), _o.Width(0)));
                _b.SetLogicFlags(_b.Constant(1), 64);
                _b.SetFlagVariable(StatusFlags.Carry, _b.Constant(1));
                _b.SetFlagVariable(StatusFlags.Parity, _b.Constant(1));
                return true;
            case Mnemonic.Rdfsbase or Mnemonic.Rdgsbase:
                RaiseUnlessSegmentBases();
                _o.Write(0, _b.Narrow(_b.Get(SegmentBaseOffset, 64), _o.Width(0)));
                return true;
            case Mnemonic.Wrfsbase or Mnemonic.Wrgsbase:
                RaiseUnlessSegmentBases();
                Value newBase = _b.ZeroExtend(_o.Read(0));
                _b.RaiseIf(_b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.IsNonCanonical)), newBase), ExceptionVector.GeneralProtection);
                _b.Set(SegmentBaseOffset, 64, newBase);
                return true;
            case Mnemonic.Mfence or Mnemonic.Lfence or Mnemonic.Sfence or Mnemonic.Serialize:
                _b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.Fence)));
                return true;
            case Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb:
                _b.Load(_o.Address(), 8);
                return true;
            case Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr:
                LiftLoadMxcsr();
                return true;
            case Mnemonic.Stmxcsr or Mnemonic.Vstmxcsr:
                _b.Store(_o.Address(), 32, _b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.ReadMxcsr)), _b.Cpu()));
                return true;
            default:
                return false;
        }
    }

    private int SegmentBaseOffset => _i.Mnemonic is Mnemonic.Rdfsbase or Mnemonic.Wrfsbase ? CpuState.FsBaseOffset : CpuState.GsBaseOffset;

    private void RaiseUnlessSegmentBases() =>
        _b.RaiseIf(_b.IsZero(_b.Mask(_b.Get(SystemPlaces.Cr4, 64), (long)Cr4.FsGsBase)), ExceptionVector.InvalidOpcode);

    /// <summary>CR4.TSD keeps user code from it (SDM vol. 3A, 2.5).</summary>
    private void LiftTimeStamp()
    {
        Value isDisabled = _b.IsNotZero(_b.Mask(_b.Get(SystemPlaces.Cr4, 64), (long)Cr4.TimeStampDisable));
        _b.RaiseIf(_b.And(isDisabled, _b.IsNotZero(_b.Get(SystemPlaces.Cpl, 32))), ExceptionVector.GeneralProtection);
        Value now = CallOut(typeof(SystemSemantics), nameof(SystemSemantics.TimeStamp));
        _o.WriteRegister(Register.RAX, _b.Mask(now, uint.MaxValue));
        _o.WriteRegister(Register.RDX, _b.ShiftRight(now, 32));
        if (_i.Mnemonic == Mnemonic.Rdtscp)
        {
            _o.WriteRegister(Register.RCX, CallOut(typeof(SystemSemantics), nameof(SystemSemantics.ProcessorId)));
        }
    }

    private void LiftLoadMxcsr()
    {
        Value value = _b.Load(_o.Address(), 32);
        _b.RaiseIf(_b.IsNotZero(_b.Mask(value, unchecked((int)0xffff0000))), ExceptionVector.GeneralProtection);
        _b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.WriteMxcsr)), _b.Cpu(), value);
    }

    private bool TryMoveSegment()
    {
        if (_i.Op1Register.IsSegmentRegister())
        {
            Value selector = _b.Get(_o.Selector(1), 16);
            int width = _o.IsMemory(0) ? 16 : _o.Width(0);
            _o.Write(0, width, _b.Narrow(selector, width));
            return true;
        }

        if (_i.Op0Register == Register.CS)
        {
            return false;
        }

        LoadSegment(_o.SelectorPlace(0), SelectorOperand(1));
        return true;
    }
}
