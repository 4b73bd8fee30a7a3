// What codes of the region, of findings and of objectives are called.

export const FLOW_NAMES = {
  "dmp-deposits": { fr: "Dépôts DMP", en: "DMP deposits" },
  "mss-messages": { fr: "Messages MSSanté", en: "MSSanté messages" },
  "insi-calls": { fr: "Appels INSi", en: "INSi calls" },
  "eprescriptions": "e\u2011prescriptions",
  "platform-accesses": { fr: "Accès aux plateformes", en: "Platform accesses" },
};

export const FLOW_SHORT = {
  "dmp-deposits": "DMP",
  "mss-messages": "MSSanté",
  "insi-calls": "INSi",
  "eprescriptions": { fr: "Ordo.", en: "e-Presc." },
  "platform-accesses": { fr: "Accès", en: "Access" },
};

export const SECTOR_NAMES = {
  NR: { fr: "Non renseigné", en: "Not given" },
  ES: { fr: "Établissements de santé", en: "Hospitals" },
  ESMS: { fr: "Médico-social", en: "Medico-social" },
  PSL: { fr: "Libéraux", en: "Private practice" },
  SOCIAL: { fr: "Social", en: "Social" },
};

export const CODE_NAMES = {
  R00: { fr: "Identité trouvée", en: "Identity found" },
  R01: { fr: "Aucune identité", en: "No identity" },
  R02: { fr: "Plusieurs identités", en: "Several identities" },
  VERIF_OK: { fr: "Vérification positive", en: "Verified" },
  VERIF_KO: { fr: "Vérification négative", en: "Not verified" },
  FAULT: { fr: "Panne du service", en: "Service fault" },
  OTHER: { fr: "Autre", en: "Other" },
  QUAL: { fr: "Qualifiée", en: "Qualified" },
  RECUP: { fr: "Récupérée", en: "Retrieved" },
  VALI: { fr: "Validée", en: "Validated" },
  PROV: { fr: "Provisoire", en: "Provisional" },
  NR: { fr: "Non renseigné", en: "Not given" },
  INCONNU: { fr: "Inconnu", en: "Unknown" },
  CPS_CARD: { fr: "Carte CPS", en: "CPS card" },
  PSC_CPS: { fr: "Pro Santé Connect, carte", en: "Pro Santé Connect, card" },
  PSC_ECPS: { fr: "Pro Santé Connect, e-CPS", en: "Pro Santé Connect, e-CPS" },
  PSC_FI_LOCAL: { fr: "Pro Santé Connect, local", en: "Pro Santé Connect, local" },
  MIE_ATTESTE: { fr: "Moyen attesté", en: "Attested means" },
  PWD_OTP_SMS: { fr: "Mot de passe et SMS", en: "Password and SMS" },
  PWD_ONLY: { fr: "Mot de passe seul", en: "Password only" },
  CERT_STRUCTURE: { fr: "Certificat de structure", en: "Structure certificate" },
};

// Severity is by consequence: its name, and how soon somebody must look.
export const SEVERITY_NAMES = {
  UNKNOWN: { fr: ["Inconnue", ""], en: ["Unknown", ""] },
  LOW: { fr: ["Basse", "Pour information"], en: ["Low", "For information"] },
  MEDIUM: { fr: ["Moyenne", "À regarder dans la journée"], en: ["Medium", "Look at it today"] },
  HIGH: { fr: ["Haute", "À regarder dans l’heure"], en: ["High", "Look at it within the hour"] },
  CRITICAL: { fr: ["Critique", "À regarder tout de suite"], en: ["Critical", "Look at it now"] },
};

export const STATUS_NAMES = {
  UNKNOWN: { fr: "inconnu", en: "unknown" },
  OPEN: { fr: "ouvert", en: "open" },
  RESOLVED: { fr: "terminé", en: "over" },
  CONFIRMED: { fr: "confirmé", en: "confirmed" },
  BENIGN: { fr: "sans gravité", en: "benign" },
};

export const DETECTOR_NAMES = {
  tail: { fr: "Volume hors norme", en: "Unusual volume" },
  slow_change: { fr: "Dérive lente", en: "Slow change" },
  enumeration: { fr: "Annuaire parcouru", en: "Directory enumerated" },
  identity_only: { fr: "Identités sans soin", en: "Identities without care" },
  takeover: { fr: "Compte pris en main", en: "Account taken over" },
  decoys: { fr: "Identité leurre lue", en: "Decoy identity read" },
  recurrence: { fr: "Récidive", en: "Recurrence" },
  collusion: { fr: "Comptes de concert", en: "Accounts in concert" },
  spike: { fr: "Pic de flux", en: "Flow spike" },
  drop: { fr: "Chute de flux", en: "Flow drop" },
  level_shift: { fr: "Changement de niveau", en: "Level shift" },
  outage: { fr: "Flux interrompu", en: "Flow outage" },
  flooding: { fr: "Embouteillage MSSanté", en: "MSSanté mailbox flooding" },
};

// Where an objective stands.
export const OBJECTIVE_STATES = {
  REACHED: { fr: "Atteint", en: "Reached" },
  ON_TRACK: { fr: "Dans les temps", en: "On track" },
  OFF_TRACK: { fr: "En retard", en: "Off track" },
  MISSED: { fr: "Manqué", en: "Missed" },
  NO_DENOMINATOR: { fr: "Suivi d’usage impossible", en: "Cannot be followed" },
  NO_DATA: { fr: "Pas encore de donnée", en: "No data yet" },
  NO_TARGET: { fr: "Sans cible chiffrée", en: "No target figure" },
};

// Themes that a registry may name; any other stands for itself.
export const THEME_NAMES = {
  "Ordonnance numérique": { fr: "Ordonnance numérique", en: "Digital prescriptions" },
  "Identification électronique": { fr: "Identification électronique", en: "Electronic identification" },
  "Laboratoires": { fr: "Laboratoires", en: "Laboratories" },
  "Visites": { fr: "Visites", en: "Visits" },
  "Parcours et orientation": { fr: "Parcours et orientation", en: "Care pathways and referral" },
  "Cybersécurité": { fr: "Cybersécurité", en: "Cybersecurity" },
};

export const PART_KINDS = {
  department: { fr: "Par département", en: "By department" },
  couloir: { fr: "Par couloir", en: "By couloir" },
  territory: { fr: "Par territoire", en: "By territory" },
  category: { fr: "Par catégorie", en: "By category" },
};

export const COULOIR_NAMES = {
  INCONNU: { fr: "Inconnu", en: "Unknown" },
  HOPITAL: "Hôpital",
  MEDECINE_VILLE: "Médecine de ville",
  OFFICINE: "Officine",
  LABO_BIOLOGIE: "Biologie",
  RADIOLOGIE: "Radiologie",
  MEDICO_SOCIAL: "Médico-social",
  AUTRE: { fr: "Autre", en: "Other" },
};
